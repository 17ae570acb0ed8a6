"""EDF+ that is written comes back, odd clocks included, and other programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.errors import BadInput, OutputFailed
from atlasplane.io.recording_edf import read_edf
from atlasplane.io.recording_edf_copy import write_annotations
from atlasplane.io.recording_edf_plan import record_length_s
from atlasplane.io.recording_edf_write import write_edf
from atlasplane.io.recording_file import read_recording
from atlasplane.sources.recording import Annotation, Channel, ChannelKind, Samples
from tests.recording_files import (
    Signal,
    edf_bytes,
    emg_channel,
    ramp,
    write,
)
from tests.recording_reading import SINGLE, whole


def blocks_of(samples: Sequence[Samples], length: int) -> Iterator[list[Samples]]:
    longest = max(len(each) for each in samples)
    for first in range(0, longest, length):
        yield [each[first : first + length] for each in samples]


@pytest.mark.parametrize(
    ("periods", "length"),
    [
        ([Fraction(1, 2000)], Fraction(1)),
        ([Fraction(27, 40000)], Fraction(999, 1000)),
        ([Fraction(9, 16000)], Fraction(999, 1000)),
        ([Fraction(27, 52000), Fraction(27, 4000)], Fraction(999, 1000)),
        ([Fraction(27, 58000), Fraction(1, 1000)], Fraction(999, 1000)),
        ([Fraction(1, 2048), Fraction(1, 50)], Fraction(1)),
        ([Fraction(1, 3)], Fraction(1)),
        ([Fraction(27, 34000), Fraction(1, 128)], Fraction(27)),
    ],
)
def test_data_records_hold_whole_samples_of_every_clock(periods: list[Fraction], length: Fraction) -> None:
    found = record_length_s(periods, file="a.edf")
    assert all((found / period).denominator == 1 for period in periods)
    # the multiples of the shortest common length are stepped through: the nearest to 1 s is meant
    assert abs(found - 1) <= abs(length - 1)


def test_clocks_without_a_common_record_are_refused() -> None:
    with pytest.raises(BadInput, match="common data record"):
        record_length_s([Fraction(n, 10**9) for n in (1_000_003, 999_983, 999_979)], file="a.edf")


RANDOM = st.integers(0, 2**32 - 1)


@given(
    seed=RANDOM,
    n_samples=st.integers(1, 5000),
    block=st.integers(1, 900),
    period=st.sampled_from([Fraction(1, 2000), Fraction(27, 40000), Fraction(9, 16000), Fraction(1, 1024)]),
    gap=st.tuples(st.integers(0, 5000), st.integers(0, 700)),
)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    n_samples: int,
    block: int,
    period: Fraction,
    gap: tuple[int, int],
) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 300, n_samples).astype(np.float32)
    samples[gap[0] : gap[0] + gap[1]] = np.nan
    channel = replace(
        emg_channel(n_samples, period_s=period), low=-2000.0, high=2500.0, muscle="soleus", side="left"
    )
    note = Annotation(start_s=0.125, duration_s=2.0, text="quiet, eyes closed")
    path = tmp_path_factory.mktemp("edf") / "a.edf"
    assert write_edf(path, [channel], blocks_of([samples], block), [note], simulated=False) == ()
    recording = read_recording(path)
    read = whole(recording)
    (found,) = recording.channels
    assert (found.period_s, found.n_samples, found.muscle, found.side) == (
        period,
        n_samples,
        "soleus",
        "left",
    )
    assert recording.annotations == (note,) and not recording.simulated and recording.started is not None
    assert np.array_equal(np.isnan(read), np.isnan(samples))
    step = 4500 / 65534
    there = ~np.isnan(samples)
    assert np.all(np.abs(read[there] - samples[there]) <= step / 2 + 2500 * 2 * SINGLE)


@given(
    texts=st.lists(
        st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=60), max_size=40
    ),
    onset_ms=st.integers(0, 900),
)
def test_annotations_come_back_wherever_there_is_room(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], onset_ms: int
) -> None:
    texts = [text for text in texts if "@@" not in text and text.strip("@")]
    notes = [
        Annotation(
            start_s=round(onset_ms / 1000 + n / 10, 3),
            duration_s=n / 8,
            text=text,
            channel="EMG1" if n % 2 else None,
        )
        for n, text in enumerate(texts)
    ]
    folder = tmp_path_factory.mktemp("edf")
    samples = np.zeros(2000, dtype=np.float32)
    write_edf(folder / "a.edf", [emg_channel(2000)], [[samples]], notes[::2], simulated=True)
    write_annotations(folder / "a.edf", folder / "b.edf", notes[1::2])
    recording = read_edf(folder / "b.edf")
    clean = [
        replace(each, text="".join(c for c in each.text if c not in "\x14\x15\0").strip()) for each in notes
    ]
    assert sorted(recording.annotations, key=lambda a: (a.start_s, a.text)) == sorted(
        (each for each in clean if each.text), key=lambda a: (a.start_s, a.text)
    )


def two_clocks(tmp_path: Path) -> tuple[Path, list[Samples]]:
    rng = np.random.default_rng(8)
    emg = rng.normal(0, 50, 10_007).astype(np.float32)
    acc = rng.normal(0, 1, 1_000).astype(np.float32)
    channels = [
        emg_channel(10_007, period_s=Fraction(27, 40000)),
        Channel(
            label="ACC X",
            kind=ChannelKind.ACCELERATION,
            unit="[g]",
            period_s=Fraction(27, 4000),
            n_samples=1000,
        ),
    ]
    started = datetime(2026, 3, 2, 22, 10, 0, 250000, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    blocks = [[emg[n * 1000 : (n + 1) * 1000], acc[n * 100 : (n + 1) * 100]] for n in range(11)]
    write_edf(tmp_path / "a.edf", channels, blocks, started=started, simulated=True)
    return tmp_path / "a.edf", [emg, acc]


def test_periods_of_a_trigno_stay_exact(tmp_path: Path) -> None:
    path, samples = two_clocks(tmp_path)
    recording = read_edf(path)
    assert [each.period_s for each in recording.channels] == [Fraction(27, 40000), Fraction(27, 4000)]
    assert [each.n_samples for each in recording.channels] == [10_007, 1_000]
    assert recording.simulated
    assert recording.started == datetime(2026, 3, 3, 1, 40, 0, 250000, tzinfo=UTC)
    assert whole(recording, 1) == pytest.approx(samples[1], abs=16.3835 / 65534 + 17 * SINGLE)


def test_the_header_is_an_edf_header_to_the_letter(tmp_path: Path) -> None:
    path, _ = two_clocks(tmp_path)
    content = path.read_bytes()
    assert content[:8] == b"0       " and content[:256].isascii()
    assert content[8:88].split() == [b"X", b"X", b"X", b"X"]
    assert content[88:168].startswith(b"Startdate 02-MAR-2026 X X Atlasplane_simulated UTC-03:30")
    assert content[168:184] == b"02.03.2622.10.00"
    assert content[192:197] == b"EDF+C"
    n_signals = int(content[252:256])
    assert int(content[184:192]) == 256 * (n_signals + 1) == 1024
    assert Fraction(content[244:252].decode().strip()) == Fraction(999, 1000)
    samples = [int(content[256 + 216 * 3 + 8 * n :][:8]) for n in range(3)]
    assert samples[:2] == [1480, 148]
    n_records = int(content[236:244])
    assert len(content) == 1024 + n_records * 2 * sum(samples)
    # each record starts with its own time, a quarter of a second behind whole seconds
    for n in range(n_records):
        note = content[1024 + n * 2 * sum(samples) + 2 * 1628 :][:40]
        assert float(note[: note.index(b"\x14")]) == pytest.approx(0.25 + 0.999 * n, abs=1e-9)


def test_edfio_reads_what_we_write(tmp_path: Path) -> None:
    path, samples = two_clocks(tmp_path)
    other = edfio.read_edf(path)
    assert other.signals[0].sampling_frequency == pytest.approx(40 / 0.027, rel=1e-12)
    assert (other.startdate, other.starttime) == (date(2026, 3, 2), time(22, 10, 0, 250000))
    step = 2 * 3276.7 / 65534
    assert np.abs(other.signals[0].data[:10_007] - samples[0]).max() <= step / 2 + 1e-9
    write_annotations(
        path, tmp_path / "b.edf", [Annotation(start_s=1.5, duration_s=0.5, text="clonus", channel="EMG1")]
    )
    found = [
        (note.onset, note.duration, note.text) for note in edfio.read_edf(tmp_path / "b.edf").annotations
    ]
    assert (1.5, 0.5, "clonus@@EMG1") in found


def test_samples_outside_the_range_are_clipped_and_counted(tmp_path: Path) -> None:
    samples = np.array([0.0, 150.0, -150.0, 99.0], dtype=np.float32)
    channel = replace(emg_channel(4), low=-100.0, high=100.0)
    (finding,) = write_edf(tmp_path / "a.edf", [channel], [[samples]], simulated=False)
    assert (finding.code, finding.value) == ("recording.write_clipped", 2.0)
    assert whole(read_edf(tmp_path / "a.edf")) == pytest.approx([0, 100, -100, 99], abs=100 / 65534 + 1e-4)


def test_more_gaps_than_records_still_come_back(tmp_path: Path) -> None:
    samples = np.ones(2000, dtype=np.float32)
    samples[::40] = np.nan
    write_edf(tmp_path / "a.edf", [emg_channel(2000)], [[samples]], simulated=False)
    recording = read_edf(tmp_path / "a.edf")
    assert recording.channels[0].n_samples == 2000
    assert np.array_equal(np.isnan(whole(recording)), np.isnan(samples))


def test_a_channel_that_starts_later_and_ends_earlier_is_not_recorded_there(tmp_path: Path) -> None:
    ones = np.ones(3000, dtype=np.float32)
    late = replace(emg_channel(2000, label="EMG2"), start_s=0.25)
    write_edf(tmp_path / "a.edf", [emg_channel(3000), late], [[ones, ones[:2000]]], simulated=False)
    read = whole(read_edf(tmp_path / "a.edf"), 1)
    assert np.flatnonzero(~np.isnan(read)).tolist() == list(range(500, 2500))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="4 samples expected, got 3"):
        write_edf(path, [emg_channel(4)], [[np.zeros(3, dtype=np.float32)]], simulated=False)
    with pytest.raises(OutputFailed):
        write_edf(
            tmp_path / "no" / "a.edf", [emg_channel(1)], [[np.zeros(1, dtype=np.float32)]], simulated=False
        )
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "channel",
    [
        emg_channel(1, label="Mini sensor 10: EMG 10"),
        emg_channel(1, label="Trapèze"),
        replace(emg_channel(1), unit="microvolts"),
    ],
)
def test_labels_and_units_that_do_not_fit_are_refused(tmp_path: Path, channel: Channel) -> None:
    with pytest.raises(BadInput, match="EDF takes"):
        write_edf(tmp_path / "a.edf", [channel], [[np.zeros(1, dtype=np.float32)]], simulated=False)


@pytest.mark.parametrize("width", [2, 3])
def test_annotations_are_added_to_a_plain_file_and_its_person_is_not_copied(
    tmp_path: Path, width: int
) -> None:
    signals = [
        Signal(samples=50, values=ramp(500), transducer="AgAgCl"),
        Signal("ECG", "mV", samples=25, values=ramp(250)),
    ]
    content = edf_bytes(
        signals,
        n_records=10,
        duration="0.05",
        width=width,
        fields={"patient": "12345 F 01-JAN-1980 Jane_Doe", "recording": "ward 7, simulated"},
    )
    source = write(tmp_path / "a.edf", content)
    note = Annotation(start_s=0.2, duration_s=0.1, text="Krämpfe")
    write_annotations(source, tmp_path / "b.edf", [note])
    copied = (tmp_path / "b.edf").read_bytes()
    assert b"Jane" not in copied and b"12345" not in copied and b"ward" not in copied
    before, after = read_edf(source), read_edf(tmp_path / "b.edf")
    assert after.annotations == (note,) and after.simulated and after.started == before.started
    for n in range(2):
        assert np.array_equal(whole(before, n), whole(after, n))
    assert [c.period_s for c in after.channels] == [c.period_s for c in before.channels]
    with pytest.raises(BadInput, match="itself"):
        write_annotations(source, source, [note])


def test_annotations_of_an_interrupted_file_keep_their_place(tmp_path: Path) -> None:
    notes = [f"+{start}\x14\x14\0".encode() for start in (10, 11, 20)]
    content = edf_bytes([Signal(samples=10, values=ramp(30))], n_records=3, notes=notes, reserved="EDF+D")
    source = write(tmp_path / "a.edf", content)
    write_annotations(source, tmp_path / "b.edf", [Annotation(start_s=10.5, text="tonic")])
    after = read_edf(tmp_path / "b.edf")
    assert after.annotations == (Annotation(start_s=10.5, text="tonic"),)
    assert after.channels[0].n_samples == 110
