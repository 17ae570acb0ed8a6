"""OTB+ recordings of OT Bioelettronica: an archive of descriptions (XML) and samples (16- or 24-bit).

The archive is never unpacked: the samples are read where they lie in it.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np

from atlasplane.core.errors import BadFile
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.digest import unreadable
from atlasplane.io.recording_channels import RawChannel, recording_of
from atlasplane.io.recording_edf_samples import numbers
from atlasplane.io.recording_map import ChannelMap
from atlasplane.io.recording_settings import devices, recording_limit
from atlasplane.sources.recording import Annotation, Recording, Samples

_AGAIN = "Export the recording from OT BioLab+ again"
_PIECE_BYTES = 1 << 20
_PATIENT = "patient"
_NO_AMPLIFIER = ("AdapterControl", "AdapterQuaternions", "AdapterLoadCell")
_NO_MUSCLE = ("buffer", "ramp", "quaternion", "load", "aux")
"""Adapters and channels of the device's own making."""
_BROKEN = (tarfile.TarError, EOFError, KeyError, ValueError)


def read_otb(path: Path, *, channels: ChannelMap | None = None) -> Recording:
    """An OTB+ recording.

    Raises
    ------
    BadInput
        When it cannot be read, is no archive of one acquisition, or names places outside itself.
    """
    file = path.name
    try:
        with tarfile.open(path, "r:") as archive:
            members = {_checked(member, file).name: member for member in archive.getmembers()}
            signal = _signal(members, file)
            described = _xml(archive, members, signal.name.removesuffix(".sig"), file)
            patient = _xml(archive, members, _PATIENT, file) if f"{_PATIENT}.xml" in members else None
            markers = [
                _xml(archive, members, name.removesuffix(".xml"), file)
                for name in sorted(members)
                if name.startswith("marker") and name.endswith(".xml")
            ]
    except OSError as fault:
        raise unreadable(file, fault) from fault
    except _BROKEN as fault:
        raise BadFile(file, "is a damaged archive", _AGAIN) from fault
    device = _device(described, file)
    frame = device.n_channels * device.width
    n_samples, rest = divmod(signal.size, frame)
    samples = OtbSamples(path, signal.offset_data, device.n_channels, device.width)
    findings = []
    if rest:
        text = f"The samples end within a frame of {device.n_channels} channels; the rest is left out."
        findings.append(Finding(code="recording.shorter", severity=Severity.WARN, file=file, text=text))
    return recording_of(
        list(_channels(described, device, n_samples)),
        samples,
        file=file,
        channels=channels,
        annotations=[each for marker in markers for each in _notes(marker)],
        started=_started(patient),
        findings=findings,
    )


def _checked(member: tarfile.TarInfo, file: str) -> tarfile.TarInfo:
    parts = PurePosixPath(member.name).parts
    outside = member.name.startswith("/") or ".." in parts or "\\" in member.name or ":" in member.name
    if outside or not (member.isfile() or member.isdir()):
        what = f"is an archive with an entry '{member.name[:80]}' that is no file inside it"
        raise BadFile(file, what, "Do not use this file; export the recording again")
    return member


def _signal(members: Mapping[str, tarfile.TarInfo], file: str) -> tarfile.TarInfo:
    signals = [member for name, member in members.items() if name.endswith(".sig")]
    if not signals:
        raise BadFile(file, "is an archive without samples (.sig), no OTB+ recording", "Name an OTB+ file")
    if len(signals) > 1:
        raise BadFile(file, f"holds {len(signals)} acquisitions", "Export each into a file of its own")
    if signals[0].name.removesuffix(".sig") + ".xml" not in members:
        raise BadFile(file, f"has no description of '{signals[0].name}'", _AGAIN)
    return signals[0]


def _xml(
    archive: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], stem: str, file: str
) -> ElementTree.Element:
    name = f"{stem}.xml"
    stream = archive.extractfile(members[name])
    content = b"" if stream is None else stream.read(int(recording_limit("xml_bytes")) + 1)
    if len(content) > recording_limit("xml_bytes") or b"<!" in content.replace(b"<!--", b""):
        raise BadFile(file, f"has a description '{name}' that is too large or declares entities", _AGAIN)
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as fault:
        raise BadFile(file, f"has a description '{name}' that is no XML", _AGAIN) from fault


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    n_channels: int
    width: int
    period_s: Fraction


def _device(described: ElementTree.Element, file: str) -> _Device:
    try:
        bits = int(described.attrib["ad_bits"])
        n_channels = int(described.attrib["DeviceTotalChannels"])
        period_s = 1 / Fraction(described.attrib["SampleFrequency"])
        name = described.attrib.get("Name", "")
    except (KeyError, ValueError, ZeroDivisionError) as fault:
        raise BadFile(file, "does not describe its device, channels and rate", _AGAIN) from fault
    if bits not in (16, 24) or not 0 < n_channels <= recording_limit("recording_channels") or period_s < 0:
        what = f"describes {n_channels} channels of {bits} bits; 16 or 24 bits are read"
        raise BadFile(file, what, _AGAIN)
    return _Device(name, n_channels, bits // 8, period_s)


def _channels(described: ElementTree.Element, device: _Device, n_samples: int) -> Iterator[RawChannel]:
    """Every channel of the samples, with what the description says of it."""
    said: dict[int, RawChannel] = {}
    for adapter in described.iter("Adapter"):
        start = _whole(adapter.get("ChannelStartIndex"), 0)
        for each in adapter.iter("Channel"):
            place = start + _whole(each.get("Index"), 0)
            said[place] = _channel(adapter, each, device, n_samples)
    for place in range(device.n_channels):
        blank = RawChannel(label="", unit="", sensor="other", period_s=device.period_s, n_samples=n_samples)
        yield said.get(place, blank)


def _channel(
    adapter: ElementTree.Element, each: ElementTree.Element, device: _Device, n_samples: int
) -> RawChannel:
    id_, name = each.get("ID", ""), adapter.get("ID", "")
    step = 1 << (8 * device.width - 1)
    plain = RawChannel(
        label=id_,
        unit="",
        sensor="other",
        period_s=device.period_s,
        n_samples=n_samples,
        ends=(-step, step - 1),
    )
    if name in _NO_AMPLIFIER or id_.lower().startswith(_NO_MUSCLE):
        return plain
    scale = _scale(device.name, name)
    stated = _number(adapter.get("Gain"))
    # A gain of 1 in the description stands for the adapter's own.
    gain = (scale["gain"] if stated in (0.0, 1.0) else stated) * (_number(each.get("Gain")) or 1.0)
    step_uV = scale["range_V"] / 2.0 ** (8 * device.width) / gain * 1e6
    return replace(plain, unit="uV", sensor="EMG", gain=step_uV)


def _scale(device: str, adapter: str) -> Mapping[str, Any]:
    """Range and gain of the first entry that fits device and adapter; the last one fits all."""
    table: Sequence[Mapping[str, Any]] = tuple(devices()["otb"].values())
    for entry in table:
        if device in entry.get("devices", [device]) and adapter in entry.get("adapters", [adapter]):
            return entry
    raise ValueError("devices.toml: no entry of [otb] fits all devices")


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.lstrip("-").isdigit() else otherwise


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _notes(markers: ElementTree.Element) -> Iterator[Annotation]:
    for marker in markers.iter("Marker"):
        text = (marker.findtext("Description") or "").strip()
        if text:
            yield Annotation(start_s=_number(marker.findtext("Milliseconds")) / 1000, text=text)


def _started(patient: ElementTree.Element | None) -> datetime | None:
    try:
        return datetime.fromisoformat((patient.findtext("time") or "") if patient is not None else "")
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class OtbSamples:
    """Interleaved counts inside an archive, as float32."""

    path: Path
    place: int
    n_channels: int
    width: int

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel; raises BadInput."""
        out = np.empty(stop - first, dtype=np.float32)
        frame = self.n_channels * self.width
        step = max(1, _PIECE_BYTES // frame)
        try:
            with self.path.open("rb") as stream:
                stream.seek(self.place + first * frame)
                for at in range(0, len(out), step):
                    count = min(step, len(out) - at)
                    read = np.frombuffer(stream.read(count * frame), dtype=np.uint8)
                    if len(read) < count * frame:
                        raise BadFile(self.path.name, "is cut off within its samples", _AGAIN)
                    own = read.reshape(count, frame)[:, channel * self.width : (channel + 1) * self.width]
                    out[at : at + count] = numbers(np.ascontiguousarray(own).reshape(-1), self.width)
        except OSError as fault:
            raise unreadable(self.path.name, fault) from fault
        return out
