"""Files of recordings made for the tests, byte by byte and independently of the program's writers."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from atlasplane.sources.recording import Channel, ChannelKind

Ints = NDArray[np.int64]

WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def ramp(n: int, low: int = -32768) -> np.ndarray:
    return low + np.arange(n) * 37 % 65536


@dataclass
class Signal:
    """One signal of a hand-made EDF; every field may lie."""

    label: str = "EMG1"
    dimension: str = "uV"
    physical: tuple[str, str] = ("-3276.8", "3276.7")
    digital: tuple[str, str] = ("-32768", "32767")
    samples: int = 1000
    transducer: str = ""
    values: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def edf_bytes(
    signals: Sequence[Signal],
    *,
    n_records: int,
    duration: str = "1",
    fields: Mapping[str, str] | None = None,
    notes: Sequence[bytes] = (),
    reserved: str = "",
    width: int = 2,
) -> bytes:
    """An EDF or BDF file.

    `notes` holds the bytes of an annotation signal, one a record; `fields` overrides what the header says.
    """
    if notes:
        room = -(-max(map(len, notes)) // width)
        label = "BDF Annotations" if width == 3 else "EDF Annotations"
        signals = [*signals, Signal(label, "", ("-1", "1"), ("-32768", "32767"), room)]
    stated = {
        "patient": "X X X X",
        "recording": "Startdate 02-MAR-2026 X X X",
        "date": "02.03.26",
        "time": "22.10.00",
        "bytes": str(256 * (len(signals) + 1)),
        "reserved": reserved,
        "n_records": str(n_records),
        "duration": duration,
        "n_signals": str(len(signals)),
        **(fields or {}),
    }
    head = (b"\xffBIOSEMI" if width == 3 else b"0       ") + b"".join(
        stated[name].encode("latin-1").ljust(size)
        for name, size in (
            ("patient", 80),
            ("recording", 80),
            ("date", 8),
            ("time", 8),
            ("bytes", 8),
            ("reserved", 44),
            ("n_records", 8),
            ("duration", 8),
            ("n_signals", 4),
        )
    )
    rows = [
        (s.label, s.transducer, s.dimension, *s.physical, *s.digital, "", str(s.samples), "") for s in signals
    ]
    table = b"".join(row[n].encode("latin-1").ljust(size) for n, size in enumerate(WIDTHS) for row in rows)
    content = b""
    for record in range(n_records if not notes else len(notes)):
        for signal in signals:
            if signal.label.endswith("Annotations"):
                content += notes[record].ljust(signal.samples * width, b"\0")
                continue
            part = signal.values[record * signal.samples : (record + 1) * signal.samples]
            content += np.asarray(part, dtype="<i4").reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    return head + table + content


def emg_channel(n_samples: int, *, period_s: Fraction = Fraction(1, 2000), label: str = "EMG1") -> Channel:
    return Channel(label=label, kind=ChannelKind.EMG, unit="uV", period_s=period_s, n_samples=n_samples)


TRIGNO_LINE = (
    "Label: {label} Sampling frequency: {rate} Number of points: {points} start: 0.000000e+000 Unit: {unit} "
    "Domain Unit: s"
)


def trigno_text(channels: Sequence[tuple[str, str, str, Fraction, NDArray[np.float64]]]) -> str:
    """EMGworks' CSV: label, stated rate, unit, true period, values; shorter channels end in empty cells."""
    lines = [
        TRIGNO_LINE.format(label=label, rate=rate, points=len(values), unit=unit)
        for label, rate, unit, _, values in channels
    ]
    names = ",".join(f'X[s],"{label}"' for label, *_ in channels)
    lines += ["Start Trigger Method: None", "Stop Trigger Method: None", "", names]
    for n in range(max(len(values) for *_, values in channels)):
        cells = [
            f"{float(n * period):.7g},{values[n]:.7g}" if n < len(values) else ","
            for *_, period, values in channels
        ]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def opensignals_text(device: Mapping[str, object], rows: Sequence[Sequence[int]]) -> str:
    lines = ["# OpenSignals Text File Format", f"# {json.dumps({'00:07:80:3B:46:61': dict(device)})}"]
    lines += ["# EndOfHeader", *("\t".join(map(str, row)) + "\t" for row in rows)]
    return "\n".join(lines) + "\n"


OTB_DEVICE = """<?xml version="1.0" encoding="utf-8"?>
<Device Name="{name}" ID="1" ad_bits="{bits}" SampleFrequency="{rate}" DeviceTotalChannels="{n}">
 <Channels>
  <Adapter ID="AdapterQuattro" Description="8 bipolar" Gain="{gain}" ChannelStartIndex="0">
   <Channel Index="0" Gain="1" ID="Right trapezius" Description="EMG" />
   <Channel Index="1" Gain="1" ID="Left trapezius" Description="EMG" />
  </Adapter>
  <Adapter ID="AdapterControl" Gain="1" ChannelStartIndex="2">
   <Channel Index="0" Gain="1" ID="Ramp" Description="" />
  </Adapter>
 </Channels>
</Device>
"""


def otb_description(*, bits: int = 16, gain: str = "1", name: str = "QUATTROCENTO", n: int = 3) -> str:
    return OTB_DEVICE.format(name=name, bits=bits, rate=2048, n=n, gain=gain)


def write_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return path


def plux_file(path: Path, counts: np.ndarray, counter: np.ndarray, *, sensor: str = "EMG") -> Path:
    with h5py.File(path, "w") as stored:
        device = stored.create_group("00:07:80:3B:46:61")
        device.attrs.update(
            {
                "channels": np.array([3], dtype=np.int32),
                "resolution": np.array([16], dtype=np.int32),
                "sampling rate": np.int32(1000),
                "device": "biosignalsplux",
                "date": "2026-3-2",
                "time": "22:10:5.69",
            }
        )
        raw = device.create_group("raw")
        raw["channel_3"] = counts.astype(np.uint16)[:, None]
        raw["channel_3"].attrs.update({"label": "PORT3_CHN1", "sensor": sensor})
        raw["nSeq"] = counter.astype(np.uint16)[:, None]
    return path


def otb_file(tmp_path: Path, counts: np.ndarray, *, bits: int = 16, gain: str = "1") -> Path:
    width = bits // 8
    content = counts.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    marker = b"<Marker><Milliseconds>1500</Milliseconds><Description>quiet</Description></Marker>"
    members = {
        "rec.sig": content,
        "rec.xml": otb_description(bits=bits, gain=gain).encode(),
        "patient.xml": b"<Patient><last_name>X</last_name><time>2026-03-02T22:10:00</time></Patient>",
        "markers_0.xml": b"<Markers>" + marker + b"</Markers>",
    }
    return write_tar(tmp_path / "a.otb+", members)
