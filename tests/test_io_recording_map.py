"""What a person says of a recording: channel maps, layouts, and labels of events."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.io.recording_edf import read_edf
from atlasplane.io.recording_file import read_labels, read_recording
from atlasplane.io.recording_map import MappedChannel, RecordingLayout, channel_map, read_channel_map
from atlasplane.io.recording_settings import devices, recording_limits
from atlasplane.io.recording_units import KNOWN_UNITS, UNIT_OF, kind_of, unit_and_factor
from atlasplane.io.schemas import json_schema
from atlasplane.sources.muscles import muscles
from atlasplane.sources.recording import ChannelKind, LabelledEvent
from tests.recording_files import Signal, edf_bytes

MAP = """
schema = "atlasplane.channels/1"
[[channels]]
label = "CH1"
muscle = "trapezius_upper"
side = "right"
kind = "emg"
converter = { bits = 16, supply_V = 3.0, gain = 1000 }
[[channels]]
label = "CH2"
kind = "other"
period_ms = 0.675
[text]
delimiter = "semicolon"
decimal = "comma"
rate_hz = 2000
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_a_map_with_a_layout(tmp_path: Path) -> None:
    said = read_channel_map(written(tmp_path / "map.toml", MAP))
    assert said.layout == RecordingLayout(delimiter=";", decimal=",", period_s=Fraction(1, 2000))
    assert said.channels[1].period_s == Fraction(27, 40000)
    recording = read_recording(written(tmp_path / "a.csv", "CH1;CH2\n32768;1,5\n32769;2,5\n"), channels=said)
    first, second = recording.channels
    assert (first.muscle, first.side, first.unit, first.kind) == (
        "trapezius_upper",
        "right",
        "uV",
        ChannelKind.EMG,
    )
    assert recording.samples.read(0, 0, 2) == pytest.approx([0, 3000 / 65536], abs=2e-4)
    assert (second.period_s, second.kind) == (Fraction(27, 40000), ChannelKind.OTHER)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('muscle = "trapezius_upper"', 'muscle = "trapezius_uper"', "Did you mean 'trapezius_upper'"),
        ('label = "CH2"', 'label = "CH1"', "twice"),
        ("period_ms = 0.675", "period_ms = 0.675\nrate_hz = 1481", "not both"),
        ('side = "right"', 'side = "R"', "Use one of"),
        ("bits = 16", "bits = 99", "less than or equal to 32"),
        ("rate_hz = 2000", "rate_hz = 0", "greater than 0"),
        ("atlasplane.channels/1", "atlasplane.channels/2", "newer"),
        ("[text]", "[tekst]", "unknown key"),
    ],
)
def test_a_map_that_cannot_be_used_names_the_fault(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in MAP
    with pytest.raises(BadInput, match=said):
        read_channel_map(written(tmp_path / "map.toml", MAP.replace(old, new)))


def edf(tmp_path: Path, label: str = "EMG1", dimension: str = "uV") -> Path:
    path = tmp_path / "a.edf"
    path.write_bytes(edf_bytes([Signal(label, dimension, values=np.arange(1000))], n_records=1))
    return path


def test_a_map_that_does_not_fit_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Did you mean 'EMG1'"):
        read_edf(edf(tmp_path), channels=channel_map([MappedChannel(label="EMG")]))


def test_a_side_against_the_label_is_said_and_the_map_stands(tmp_path: Path) -> None:
    said = channel_map([MappedChannel(label="EMG left", muscle="trapezius_upper", side="right")])
    recording = read_edf(edf(tmp_path, "EMG left"), channels=said)
    assert recording.channels[0].side == "right"
    assert [finding.code for finding in recording.findings] == ["recording.side"]
    agreed = channel_map([MappedChannel(label="EMG left", side="left")])
    assert read_edf(edf(tmp_path, "EMG left"), channels=agreed).findings == ()
    assert read_edf(edf(tmp_path, "EMG left")).channels[0].side is None


@pytest.mark.parametrize("place", ['[[channels]]\nlabel = "EMG"', "[text]"])
def test_a_unit_that_is_none_is_refused_with_those_that_are(tmp_path: Path, place: str) -> None:
    text = f'schema = "atlasplane.channels/1"\n{place}\nunit = "volts"\n'
    with pytest.raises(
        BadInput, match=r"'volts' is no unit that is known; use one of nV, uV, mV, V, "
    ) as refused:
        read_channel_map(written(tmp_path / "map.toml", text))
    assert refused.value.file == "map.toml"


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ('[[channels]]\nlabel = "EMG"\nunit = "mV"\n', True),
        ('[text]\nrate_hz = 1000\nunit = "mV"\n', True),
        ("[text]\nrate_hz = 1000\n", False),
    ],
)
def test_a_channel_knows_who_states_its_unit(tmp_path: Path, text: str, stated: bool) -> None:
    said = read_channel_map(written(tmp_path / "map.toml", f'schema = "atlasplane.channels/1"\n{text}'))
    head = "time,EMG\n" if "[text]" not in text else "EMG\n"
    rows = "".join(f"{k / 1000},{k}\n" if "time" in head else f"{k}\n" for k in range(20))
    (channel,) = read_recording(written(tmp_path / "a.csv", head + rows), channels=said).channels
    assert channel.unit_stated is stated


def test_a_unit_of_the_map_that_is_no_voltage_is_named(tmp_path: Path) -> None:
    said = channel_map([MappedChannel(label="EMG", kind=ChannelKind.EMG, unit="deg")])
    found = read_recording(
        written(tmp_path / "a.csv", "EMG\n1\n2\n"),
        channels=said,
        layout=RecordingLayout(period_s=Fraction(1, 1000)),
    ).findings
    assert [f.code for f in found] == ["recording.unit"] and "'deg', as the channel map says," in found[
        0
    ].text


def test_the_schema_tells_the_words_that_are_allowed() -> None:
    tables = json_schema("channels")["$defs"]
    channel = tables["MappedChannelTable"]["properties"]  # type: ignore[index]
    text = str(channel)
    assert all(muscle in text for muscle in muscles()) and "mV" in text and "acceleration" in text
    for table in ("MappedChannelTable", "LayoutTable"):
        fields = tables[table]["properties"]  # type: ignore[index]
        bare = [
            name
            for name, field in fields.items()
            if name not in ("x", "converter") and "description" not in str(field)
        ]
        assert not bare


def test_the_guide_lists_the_words_that_are_allowed() -> None:
    guide = (Path(__file__).parents[1] / "docs" / "guide" / "spasm.md").read_text(encoding="utf-8")
    table = [
        line
        for line in guide.splitlines()
        if line.startswith(("| `kind`", "| `side`", "| `unit`", "| `muscle`"))
    ]
    words = {word for line in table for word in re.findall(r"`([^`]+)`", line)}
    assert words == {"kind", "side", "unit", "muscle", "left", "right", *muscles(), *KNOWN_UNITS} | {
        kind.value for kind in ChannelKind
    }


def test_a_declared_unit_stands_and_is_said(tmp_path: Path) -> None:
    said = channel_map([MappedChannel(label="EMG1", unit="mV")])
    plain, declared = read_edf(edf(tmp_path)), read_edf(edf(tmp_path), channels=said)
    assert declared.samples.read(0, 0, 9) == pytest.approx(plain.samples.read(0, 0, 9) * 1000)
    assert [finding.code for finding in declared.findings] == ["recording.unit_declared"]


def test_a_declared_rate_stands_and_is_said(tmp_path: Path) -> None:
    said = channel_map([MappedChannel(label="EMG1", period_s=Fraction(1, 1200))])
    recording = read_edf(edf(tmp_path), channels=said)
    assert recording.channels[0].rate_hz == 1200.0
    (finding,) = recording.findings
    assert finding.code == "recording.rate" and finding.value == pytest.approx(1 - 1000 / 1200)


# ---- words and units


@pytest.mark.parametrize(
    ("label", "unit", "sensor", "kind"),
    [
        ("EMG1", "uV", "", "emg"),
        ("ch 3", "uV", "", "emg"),
        ("EMG1", "1", "", "emg"),
        ("EKG", "uV", "", "ecg"),
        ("EMG1", "uV", "ECG electrode", "ecg"),
        ("C3", "uV", "EEG electrode", "other"),
        ("Mini sensor 10: ACC.X 10", "[g]", "", "acceleration"),
        ("a", "[g]", "", "acceleration"),
        ("GYRO.X 10", "deg/s", "", "rotation"),
        ("Flexo-Extension", "deg", "", "angle"),
        ("PORT1", "1", "GONIO", "angle"),
        ("PPG", "1", "", "other"),
        ("A2", "1", "RAW", "other"),
        ("Recto Femoral", "uV", "", "emg"),
        ("Flexor carpi radialis L", "uV", "", "emg"),
        ("Right flexor digitorum", "1", "", "other"),
        ("L temporalis", "uV", "", "emg"),
        ("Temp L", "uV", "", "emg"),
        ("Flex dig", "uV", "", "emg"),
        ("Forearms", "uV", "", "emg"),
        ("Cramp calf", "uV", "", "emg"),
        ("Temp", "Cel", "", "other"),
        ("Temperature", "uV", "", "other"),
        ("Knee flex", "deg", "", "angle"),
        ("Goniometer", "uV", "", "angle"),
        ("RMS 1", "uV", "", "other"),
    ],
)
def test_kinds_by_sensor_label_and_unit(label: str, unit: str, sensor: str, kind: str) -> None:
    assert kind_of(label, unit, sensor=sensor).value == kind


@pytest.mark.parametrize(
    ("written_", "unit", "factor"),
    [
        ("uV", "uV", 1.0),
        ("µV", "uV", 1.0),
        ("mV", "uV", 1e3),
        ("V", "uV", 1e6),
        ("nV", "uV", 1e-3),
        ("m/s^2", "[g]", 1 / 9.80665),
        ("m/s²", "[g]", 1 / 9.80665),
        ("mg", "[g]", 1e-3),
        ("°/s", "deg/s", 1.0),
        ("rad/s", "deg/s", 180 / np.pi),
        ("°", "deg", 1.0),
        ("", "1", 1.0),
        ("mmHg", "mmHg", 1.0),
    ],
)
def test_units_come_to_one_each(written_: str, unit: str, factor: float) -> None:
    assert unit_and_factor(written_) == (unit, pytest.approx(factor))


def test_every_kind_has_a_unit_and_every_number_a_source() -> None:
    assert set(UNIT_OF) == set(ChannelKind)
    assert all(
        limit.source and limit.tag in ("published", "proposed", "derived")
        for limit in recording_limits().values()
    )
    tables = [devices()["trigno"], *devices()["plux"].values(), *devices()["otb"].values()]
    assert all(each["source"] and each["tag"] in ("published", "derived") for each in tables)


# ---- labels of events


def test_labels_in_time_order(tmp_path: Path) -> None:
    text = "channel,start_s,stop_s,class\nEMG2,5,6.5,clonus\n\nEMG1,0.25,3,tonic\n"
    assert read_labels(written(tmp_path / "l.csv", text)) == (
        LabelledEvent(channel="EMG1", start_s=0.25, stop_s=3.0, class_="tonic"),
        LabelledEvent(channel="EMG2", start_s=5.0, stop_s=6.5, class_="clonus"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing"),
        ("channel,start,stop,class\n", "first line must be"),
        ("channel,start_s,stop_s,class\nEMG1,3,2,tonic\n", "line 2"),
        ("channel,start_s,stop_s,class\nEMG1,0,1,tonic\nEMG1,a,2,tonic\n", "line 3"),
        ("channel,start_s,stop_s,class\nEMG1,0,1\n", "line 2"),
        ("channel,start_s,stop_s,class\n,0,1,tonic\n", "lacks its channel"),
        ("channel,start_s,stop_s,class\nEMG1,0,inf,tonic\n", "outside a recording"),
        ("channel,start_s,stop_s,class\nEMG1,-1,2,tonic\n", "outside a recording"),
        ("channel,start_s,stop_s,class\nEMG1,nan,2,tonic\n", "line 2"),
    ],
)
def test_labels_that_cannot_be_used_name_the_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_labels(written(tmp_path / "l.csv", text))


def test_a_muscle_on_the_map_means_its_activity(tmp_path: Path) -> None:
    """Whatever word of the label speaks for something else; a motion sensor on a muscle stays one."""
    path = tmp_path / "a.csv"
    rows = [f"{k / 1000:.3f},{k % 7},{k % 5}" for k in range(200)]
    path.write_text("\n".join(["time,Ramp [uV],x [g]", *rows]))
    said = channel_map(
        [MappedChannel(label="Ramp", muscle="soleus"), MappedChannel(label="x", muscle="soleus")]
    )
    kinds = [channel.kind.value for channel in read_recording(path).channels]
    mapped = [channel.kind.value for channel in read_recording(path, channels=said).channels]
    assert (kinds, mapped) == (["other", "acceleration"], ["emg", "acceleration"])
