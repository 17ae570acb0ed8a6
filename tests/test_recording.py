"""Recordings as sources: channels, labelled events, and the table of muscles."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from atlasplane.sources.muscles import muscles, side_in
from atlasplane.sources.recording import ChannelKind, LabelledEvent, Recording, Samples
from tests.recording_files import emg_channel


class Ramp:
    def read(self, channel: int, first: int, stop: int) -> Samples:
        return np.arange(first, stop, dtype=np.float32) + 1000 * channel


def test_blocks_follow_each_other_and_the_last_one_is_shorter() -> None:
    recording = Recording(file="a", channels=(emg_channel(10), emg_channel(7, label="b")), samples=Ramp())
    blocks = list(recording.blocks(1, 3))
    assert [len(block) for block in blocks] == [3, 3, 1]
    assert np.array_equal(np.concatenate(blocks), 1000 + np.arange(7))


def test_length_of_a_recording_is_that_of_its_longest_channel() -> None:
    late = replace(emg_channel(4000, label="b"), start_s=0.5)
    recording = Recording(file="a", channels=(emg_channel(4000), late), samples=Ramp())
    assert recording.duration_s == 2.5
    assert emg_channel(40, period_s=Fraction(27, 40000)).duration_s == 0.027


def test_labels_are_unique_and_periods_positive() -> None:
    with pytest.raises(ValueError, match="EMG1"):
        Recording(file="a", channels=(emg_channel(1), emg_channel(1)), samples=Ramp())
    with pytest.raises(ValueError, match="period_s > 0"):
        emg_channel(1, period_s=Fraction(0))
    with pytest.raises(ValueError, match="end after it starts"):
        LabelledEvent(channel="a", start_s=2.0, stop_s=2.0, class_="tonic")


def test_every_muscle_has_a_place_and_a_source() -> None:
    assert {"trapezius_upper", "cervical_paraspinal", "sternocleidomastoid", "tibialis_anterior"} <= set(
        muscles()
    )
    for muscle in muscles().values():
        assert muscle.site and muscle.source
        assert muscle.tag in ("published", "proposed", "unverified")
        assert muscle.tag != "published" or "doi:" in muscle.source or "jssm" in muscle.source


def test_muscles_of_neck_and_trunk_hear_the_heart_and_those_of_legs_do_not() -> None:
    heard = {id_ for id_, muscle in muscles().items() if muscle.heart}
    assert {"trapezius_upper", "trapezius_lower", "cervical_paraspinal", "multifidus"} <= heard
    assert heard.isdisjoint({"tibialis_anterior", "vastus_lateralis", "gastrocnemius_medialis", "soleus"})
    assert {id_ for id_, muscle in muscles().items() if muscle.neck} <= heard


@pytest.mark.parametrize(
    ("label", "side"),
    [
        ("Right trapezius", "right"),
        ("EMG R", "right"),
        ("TRAP_LEFT", "left"),
        ("L trap", "left"),
        ("Trapez links", "left"),
        ("EMG1", None),
        ("paraspinal L5", None),
        ("left minus right", None),
        ("l.m", None),
    ],
)
def test_words_of_a_label_say_a_side(label: str, side: str | None) -> None:
    assert side_in(label) == side


def test_kinds_have_words_of_their_own() -> None:
    assert [kind.value for kind in ChannelKind] == [
        "emg",
        "ecg",
        "acceleration",
        "rotation",
        "angle",
        "other",
    ]
