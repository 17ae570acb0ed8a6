"""Events beside a person's labels: counts, seconds, kappa and intervals against values worked out by hand."""

from __future__ import annotations

import pytest

from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Interval
from atlasplane.pathways.spasm.agreement import agreement, proportion, raters_agreement
from atlasplane.pathways.spasm.result import (
    Baseline,
    ChannelSpasms,
    Estimate,
    EventClass,
    ExcludedStretch,
    SpasmAnalysis,
    SpasmCount,
    SpasmEvent,
)
from atlasplane.sources.recording import LabelledEvent


def label(start, stop, class_="tonic", channel="EMG"):
    return LabelledEvent(channel=channel, start_s=start, stop_s=stop, class_=class_)


def analysis(*events, analysed_s=1000.0, excluded=(), apart=()):
    unused = Estimate(value=0.0, interval=None)
    found = ChannelSpasms(
        label="EMG",
        muscle=None,
        side=None,
        rate_hz=2000.0,
        analysed_s=analysed_s,
        baseline=Baseline(source="file", noise_uV=3.0, threshold_uV=4.0, start_s=0.0, stop_s=10.0),
        burden_percent=unused,
        rate=SpasmCount(
            n=0, exposure_h=1.0, dispersion=1.0, interval=Interval(level=0.95, low=0.0, high=1.0)
        ),
        mean_duration_s=None,
        clonus_hz=None,
        burden_by_hour=(),
        apart=apart,
        events=tuple(
            SpasmEvent(start_s=start, stop_s=stop, class_=EventClass(class_), rms_uV=20.0)
            for start, stop, class_ in events
        ),
        excluded=tuple(ExcludedStretch(start_s=a, stop_s=b, why="spasm.missing") for a, b in excluded),
    )
    return SpasmAnalysis(file="a.edf", duration_s=analysed_s, channels=(found,), merge_gap_s=1.0)


def test_events_and_seconds_are_counted():
    # True: 100 to 200, 300 to 310, 500 to 520. Found: 105 to 205, 306 to 316 (IoU 4/16), 700 to 710.
    labels = (label(100, 200), label(300, 310), label(500, 520, "clonus"), label(800, 900, "voluntary"))
    found = analysis(
        (105, 205, "tonic"), (306, 316, "tonic"), (700, 710, "tonic"), (800, 900, "unattributed")
    )
    (one,) = agreement(found, labels)
    assert (one.n_labelled, one.n_found, one.n_both) == (3, 3, 1)
    assert one.sensitivity.value == pytest.approx(1 / 3)
    assert one.precision.value == pytest.approx(1 / 3)
    assert one.f1 == pytest.approx(2 / 6)
    assert one.sample_sensitivity == pytest.approx(99 / 130)
    assert one.sample_precision == pytest.approx(99 / 120)
    assert one.sample_f1 == pytest.approx(198 / 250)
    assert one.latency_s.value == 5.0 and one.duration_error_s.value == 0.0
    # Two alarms in 1000 s: 172.8 a day; Garwood of 2: 0.2422 to 7.2247.
    assert one.false_alarms_per_day.value == pytest.approx(172.8)
    assert one.false_alarms_per_day.interval.low == pytest.approx(86.4 * 0.24221, rel=1e-4)
    assert one.false_alarms_per_day.interval.high == pytest.approx(86.4 * 7.22469, rel=1e-4)


def test_kappa_of_seconds_is_cohens():
    (one,) = agreement(analysis((105, 205, "tonic")), (label(100, 200),))
    # Of 1000 s: both 95, neither 895; by chance 0.1 x 0.1 + 0.9 x 0.9.
    assert one.kappa == pytest.approx((0.99 - 0.82) / (1 - 0.82))


def test_kappa_of_classes_is_cohens():
    labels = [label(10 * k, 10 * k + 5, class_) for k, class_ in enumerate(["tonic"] * 6 + ["clonus"] * 4)]
    seen = ["tonic"] * 5 + ["clonus"] * 4 + ["tonic"]
    found = analysis(*((10 * k, 10 * k + 5, class_) for k, class_ in enumerate(seen)))
    (one,) = agreement(found, labels)
    assert one.n_classed == 10 and one.same_class.value == pytest.approx(0.8)
    # Marginals 6 and 4 on both sides: 0.52 by chance.
    assert one.class_kappa == pytest.approx((0.8 - 0.52) / 0.48)


def test_the_interval_of_a_share_is_wilsons():
    # 30 of 32 convulsive seizures (Beniczky et al. 2018): 93.8 %, 79.9 to 98.3.
    found = proportion(30, 32)
    assert 100 * found.value == pytest.approx(93.75)
    assert 100 * found.interval.low == pytest.approx(79.9, abs=0.05)
    assert 100 * found.interval.high == pytest.approx(98.3, abs=0.05)
    assert proportion(0, 0) is None
    assert proportion(5, 5).interval.high == pytest.approx(1.0)


def test_time_that_was_not_analysed_is_not_compared():
    labels = (label(2, 8), label(100, 150), label(300, 400))
    found = analysis(
        (305, 400, "tonic"), excluded=((90, 160), (350, 360)), analysed_s=900.0, apart=((0, 10),)
    )
    (one,) = agreement(found, labels)
    assert (one.n_labelled, one.n_both) == (1, 1)
    assert one.sample_sensitivity == pytest.approx(85 / 90)


def test_labels_are_cut_to_the_time_that_was_analysed():
    # Quiet 0 to 50 and 60 to 70, a reference 120 to 200: what is left of the labels is what was found.
    labels = (label(10, 55), label(62, 64), label(100, 150), label(190, 200.3), label(300, 310))
    found = analysis(
        (50, 55, "tonic"), (100, 120, "tonic"), apart=((0, 50), (60, 70), (120, 200)), analysed_s=900.0
    )
    (one,) = agreement(found, labels)
    # 0.3 s beside the reference are what a person's ends are off by: no spasm that was missed.
    assert (one.n_labelled, one.n_found, one.n_both) == (3, 2, 2)
    assert one.latency_s.value == one.duration_error_s.value == 0.0
    assert one.sample_sensitivity == pytest.approx(25 / 35)


def test_nothing_labelled_and_nothing_found_have_no_shares():
    (one,) = agreement(analysis(), ())
    assert one.sensitivity is None and one.precision is None and one.f1 is None and one.kappa is None
    assert one.latency_s is None and one.same_class is None and one.class_kappa is None
    assert one.false_alarms_per_day.value == 0.0 and one.false_alarms_per_day.interval.low == 0.0


def test_a_spasm_without_a_class_is_compared_but_not_classed():
    (one,) = agreement(analysis((100, 200, "tonic")), (label(100, 200, " Spasm "),))
    assert (one.n_both, one.n_classed) == (1, 0)


def test_one_event_is_in_one_pair_at_most():
    (one,) = agreement(analysis((100, 148, "tonic"), (150, 200, "tonic")), (label(100, 200),))
    assert (one.n_both, one.n_found) == (1, 2)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ((label(1, 2, channel="X"),), "channel 'X', which was not analysed"),
        ((label(1, 2, "spastic"),), "'spastic' at 1 s is no class"),
        ((label(1, 5), label(4, 9)), "two spasms of channel 'EMG' overlap at 4 s"),
    ],
)
def test_bad_labels_are_refused(labels, match):
    with pytest.raises(BadInput, match=match):
        agreement(analysis(), labels)


def test_two_raters_agree_the_same_way_round_or_back():
    first = [label(0, 10), label(20, 30, "clonus"), label(50, 60)]
    second = [label(1, 11), label(20, 30), label(80, 90)]
    one = raters_agreement(first, second, channel="EMG", total_s=100.0)
    back = raters_agreement(second, first, channel="EMG", total_s=100.0)
    assert (one.n_both, one.f1, one.kappa) == (back.n_both, back.f1, back.kappa)
    assert one.latency_s.value == -back.latency_s.value == 0.5
    assert raters_agreement(first, first, channel="EMG", total_s=100.0).kappa == 1.0


@pytest.mark.parametrize("stop", [1000.1, 1000.0])
def test_labels_apart_from_every_event_agree_less_than_chance(stop):
    """Ends that a person rounds beyond the recording are no agreement."""
    (one,) = agreement(analysis((0, 500, "tonic")), (label(500, stop),))
    assert one.kappa == pytest.approx(-1.0, abs=1e-3) and one.kappa < 0
    (all_,) = agreement(analysis(), (label(0, stop),))
    assert all_.kappa == 0.0
    (apart,) = agreement(analysis((105, 205, "tonic")), (label(300, 400),))
    # Of 1000 s: both none, neither 800; by chance 0.01 + 0.81.
    assert apart.kappa == pytest.approx((0.8 - 0.82) / (1 - 0.82))


def test_a_label_beyond_the_recording_is_refused():
    for one in (label(990, 1000.2), label(2000, 2010)):
        with pytest.raises(BadInput, match=r"ends after a\.edf, which lasts 1000 s") as refused:
            agreement(analysis((105, 205, "tonic")), (one,), file="labels.csv")
        assert refused.value.file == "labels.csv"
