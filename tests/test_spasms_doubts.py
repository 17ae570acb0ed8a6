"""Rest that is none, assumed or in other steps, and labels that do not fit: said, and not judged as sound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atlasplane.chain.spasms import AnalysedRecording, SpasmRequest, analyse_file, analyse_recording
from atlasplane.chain.spasms_visit import observations_of
from atlasplane.core.change import compare
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Severity
from atlasplane.core.observation import Measurement
from atlasplane.report.change_rows import _row
from atlasplane.simulate.night import write_night
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.sources.case import Moment, Phase, Visit
from atlasplane.sources.recording import Recording
from atlasplane.sources.visit_recording import StatedStretch
from tests.recorded_cases import DURATION_S, emg, night_file, pair, plan_of, tonic

pytest.importorskip("numba")

REST = StatedStretch(start_s=0.0, stop_s=20.0)
NO_REST = StatedStretch(start_s=25.0, stop_s=45.0)
"""Ten of its 20 s are a spasm of 30 uV over a noise of 2 uV."""


def lone(*events: object, duration_s: float = 60.0) -> Recording:
    return simulated_recording(plan_of([emg("EMG")], list(events), duration_s))


def codes(found: AnalysedRecording) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in found.analysis.findings}


# ---- rest that was none ----


def visit(id_: str) -> Visit:
    time = datetime(2026, 3, 1, tzinfo=UTC)
    return Visit(id=id_, time=time, phase=Phase.BASELINE, moment=Moment.SINGLE, folder=Path(id_))


@pytest.mark.parametrize(("rest", "withheld"), [(REST, ()), (NO_REST, ("rest_doubtful",))])
def test_a_change_against_a_rest_that_was_none_is_not_judged(
    rest: StatedStretch, withheld: tuple[str, ...]
) -> None:
    """The same recording twice: the second time beside a rest that is one, or a contraction."""
    recording = pair(quiet=())
    before, after = (analyse_recording(recording, SpasmRequest(quiet=own)) for own in (REST, rest))
    assert ("spasm.baseline_active" in codes(after)) == bool(withheld)
    pre = {o.key: o for o in observations_of(before, visit("a"))}
    post = {o.key: o for o in observations_of(after, visit("b"))}
    key = "trapezius_upper/left"
    for quantity in ("spasm_burden", "spasm_rate", "spasm_duration"):
        one, other = pre[f"{quantity}/{key}"], post[f"{quantity}/{key}"]
        assert one.quality == ("ok",) and other.quality == (withheld or ("ok",))
        change = compare(one, other)
        assert change.withheld == withheld
        assert (change.distinguishable is None) == bool(withheld)
        row = _row(change, continues=False)
        assert (row.kind == "unknown") == bool(withheld)
        assert ("rest was not rest" in row.mdc) == bool(withheld)
        if isinstance(one, Measurement):
            assert (change.mdc is None) == bool(withheld)


# ---- rest that was not recorded ----


def test_rest_assumed_from_a_reference_contraction_is_said() -> None:
    """3 % of 30 uV lie below the noise of 2 uV: all of it is "spasm", and two findings say why."""
    recording = lone(tonic(0, 30.0, 40.0))
    stated = StatedStretch(start_s=31.0, stop_s=39.0)
    found = analyse_recording(recording, SpasmRequest(reference=stated))
    assert found.analysis.channels[0].burden_percent.value == 100.0
    assert codes(found)["spasm.rest_assumed"] is codes(found)["spasm.never_quiet"] is Severity.WARN
    known = analyse_recording(recording, SpasmRequest(reference=stated, quiet=REST))
    assert not {"spasm.rest_assumed", "spasm.never_quiet"} & set(codes(known))


def test_a_muscle_contracted_all_along_beside_its_quiet_file_is_no_fault(tmp_path: Path) -> None:
    rest = tmp_path / "rest.edf"
    write_night(rest, plan_of([emg("EMG")], [], 30.0))
    found = analyse_recording(lone(tonic(0, -5.0, 65.0, 50.0)), SpasmRequest(quiet=StatedStretch(path=rest)))
    assert found.analysis.channels[0].burden_percent.value == 100.0
    assert codes(found)["spasm.never_quiet"] is Severity.INFO
    assert "spasm.raw_rest" not in codes(found)


def test_rest_in_steps_of_another_file_is_doubted(tmp_path: Path) -> None:
    """Nothing tells whether recorder and gain were the same."""
    rest = tmp_path / "rest.edf"
    write_night(rest, plan_of([emg("EMG")], [], 30.0))
    steps = []
    for name, recording in (("night.txt", lone(tonic(0, 30.0, 40.0))), ("rest.txt", lone(duration_s=30.0))):
        path = tmp_path / name
        samples = recording.samples.read(0, 0, recording.channels[0].n_samples) / 0.17
        head = "# Simple Text Format\n# Sampling Rate (Hz):= 1000.00\n# Resolution:= 12\n# Labels:= EMG\n"
        path.write_text(head + "".join(f"{2048 + value:.0f}\n" for value in samples))
        steps.append(path)
    found = analyse_file(steps[0], SpasmRequest(quiet=StatedStretch(path=steps[1])))
    assert codes(found)["spasm.raw_rest"] is Severity.WARN
    assert found.analysis.channels[0].rate.n == 1
    within = analyse_file(steps[0], SpasmRequest(quiet=REST))
    assert "spasm.raw_rest" not in codes(within)


@pytest.mark.parametrize(("stop_s", "left"), [(59.4, "0.6 s are left"), (60.0, "nothing is left")])
def test_rest_that_leaves_hardly_anything_is_refused(stop_s: float, left: str) -> None:
    stated = SpasmRequest(quiet=StatedStretch(start_s=0.0, stop_s=stop_s))
    with pytest.raises(BadInput, match=left) as refused:
        analyse_recording(lone(), stated)
    assert "1 s are needed" in refused.value.what and "--quiet-file" in refused.value.remedy
    enough = replace(stated, quiet=StatedStretch(start_s=0.0, stop_s=57.5))
    assert analyse_recording(lone(), enough).analysis.channels[0].analysed_s == pytest.approx(2.5, abs=0.1)


# ---- a person's labels ----


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (f"TRAP L,{DURATION_S - 5},{DURATION_S + 5},tonic", f"from {DURATION_S - 5:g} to"),
        ("TRAP L,30,40,dystonia", "'dystonia'"),
        ("GONE,30,40,tonic", "'GONE'"),
    ],
)
def test_labels_that_do_not_fit_are_refused_by_their_file(tmp_path: Path, row: str, what: str) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(f"channel,start_s,stop_s,class\n{row}\n")
    with pytest.raises(BadInput, match=what) as refused:
        analyse_file(night_file(tmp_path), SpasmRequest(labels=labels))
    assert refused.value.file == "labels.csv" and len(refused.value.remedy) > 10


def test_a_file_without_labels_is_compared_and_said(tmp_path: Path) -> None:
    """A person may find nothing in a night; a file that was forgotten looks the same."""
    labels = tmp_path / "labels.csv"
    labels.write_text("channel,start_s,stop_s,class\n")
    found = analyse_file(night_file(tmp_path), SpasmRequest(labels=labels))
    assert codes(found)["spasm.no_labels"] is Severity.WARN
    left = next(one for one in found.agreements if one.channel == "TRAP L")
    assert (left.n_labelled, left.n_found) == (0, 3)
