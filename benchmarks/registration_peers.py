"""Other people's projectors on the same rays: plastimatch, RTK and DiffDRR, each in its own process.

The peers are no dependency of the project. `make bench` installs the Python ones into an environment of their
own (requirements/bench.txt) and plastimatch is the Debian package of that name; `ATLASPLANE_PEERS` names
another environment's python. What is not there raises `PeerMissing` with the reason.

A view is stated once and turned into each peer's own parameters. Times are the peers' own: plastimatch's
timer without its file I/O, and for the other two the call in a process that has everything in memory.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from benchmarks.bar import Bar

THREADS = 2
_ROOT = Path(__file__).resolve().parents[1]
_SCRIPTS = Path(__file__).resolve().parent / "peers"
_PER_CM = 10.0
"""plastimatch gives attenuation times centimetres."""
_MHD = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = {offset}
ElementSpacing = {spacing}
DimSize = {size}
ElementType = MET_FLOAT
ElementDataFile = {data}
"""
_TIMES = re.compile(r"I/O time:\s*([0-9.eE+-]+).*?Total time:\s*([0-9.eE+-]+)", re.DOTALL)


class PeerMissing(Exception):
    """A peer that is not installed, or that does not run here; the text says why."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class View:
    """A solid and how it is seen.

    Attributes
    ----------
    solid : Solid
    pose : RigidTransform
        Frame of the solid -> frame of the camera, mm.
    camera : PinholeCamera
        Detector tilted or not: its foot of the perpendicular from the source is worked out.
    shape_px : (rows, columns)
    """

    solid: Solid
    pose: RigidTransform
    camera: PinholeCamera
    shape_px: tuple[int, int]

    @property
    def from_behind(self) -> bool:
        """Whether columns and rows are left-handed with the beam: the peers know the other kind only."""
        camera = self.camera
        return bool(np.cross(camera.column_axis, camera.row_axis) @ camera.normal < 0)

    def in_solid(self) -> dict[str, Array]:
        """The view in the frame of the solid, its columns turned round if it is `from_behind`.

        Returns
        -------
        dict
            ``source``, ``foot`` of the perpendicular on the detector (mm), ``column``, ``row``, ``beam``
            (unit vectors, right-handed; beam from source to foot), each of shape (3,); ``foot_px`` and
            ``pitch`` of shape (2,); ``reach`` (mm).
        """
        camera, back = self.camera, self.pose.inverse()
        reach = (camera.centre_mm - camera.source_mm) @ camera.normal
        foot = camera.source_mm + reach * camera.normal
        off = np.array([(foot - camera.centre_mm) @ axis for axis in (camera.column_axis, camera.row_axis)])
        foot_px, side = camera.principal_px + off / camera.pitch_mm, 1.0
        if self.from_behind:
            foot_px, side = np.array([self.shape_px[1] - 1 - foot_px[0], foot_px[1]]), -1.0
        turn = back.rotation
        return {
            "source": back.apply(camera.source_mm),
            "foot": back.apply(foot),
            "column": turn @ camera.column_axis * side,
            "row": turn @ camera.row_axis,
            "beam": turn @ camera.normal,
            "foot_px": foot_px,
            "pitch": np.asarray(camera.pitch_mm, dtype=float),
            "reach": np.array(reach),
        }

    def as_shown(self, image: Array) -> Array:
        """A picture made with the parameters of `in_solid` as this view's film has it."""
        return image[:, ::-1] if self.from_behind else image


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PeerImage:
    """What a peer made of a view.

    Attributes
    ----------
    image : array of float32, shape (rows, columns)
        Line integrals, dimensionless.
    seconds : tuple of float
        One value a repeat, without reading and writing.
    extra : mapping name -> tuple of float
        Further times, such as forward and backward together.
    """

    image: Array
    seconds: tuple[float, ...]
    extra: dict[str, tuple[float, ...]]


@cache
def peers_python() -> Path:
    """The python that has the peers.

    Raises
    ------
    PeerMissing
        When there is none.
    """
    named = os.environ.get("ATLASPLANE_PEERS")
    path = Path(named) if named else _ROOT / ".venv-bench" / "bin" / "python"
    if not path.exists():
        raise PeerMissing(f"{path.name} of the peers' environment is not there: run 'make bench'")
    return path


def missing_bar(id_: str, why: str) -> Bar:
    """A bar that could not be measured, and why."""
    return Bar(id=id_, value=None, unit="", n=0, why=why)


def agreement(one: Array, other: Array) -> float:
    """RMS difference of two images over the RMS of the second; 0 is equal."""
    return float(np.sqrt(np.mean((one - other) ** 2) / np.mean(np.asarray(other) ** 2)))


def plastimatch_image(view: View, *, repeats: int = 1) -> PeerImage:
    """`plastimatch drr`, exact (Siddon 1985) over voxels that are boxes.

    Raises
    ------
    PeerMissing
        When plastimatch is not installed.
    """
    program = shutil.which("plastimatch")
    if program is None:
        raise PeerMissing("plastimatch is not installed: apt-get install plastimatch")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_mhd(folder / "volume.mhd", view.solid)
        command = _plastimatch_command(program, view, folder)
        seconds = []
        for _ in range(repeats):
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=_two_threads())
            seconds.append(_own_seconds(done.stdout))
        image = _read_pfm(next(folder.glob("film*.pfm"))) * np.float32(_PER_CM)
    return PeerImage(image=view.as_shown(image), seconds=tuple(seconds), extra={})


def plastimatch_film(view: View) -> Array:
    """The picture alone."""
    return plastimatch_image(view).image


def _plastimatch_command(program: str, view: View, folder: Path) -> list[str]:
    seen, (rows, columns) = view.in_solid(), view.shape_px
    # The isocentre is only a point of the axis; one metre before the source is as good as any.
    options: dict[str, Sequence[float]] = {
        "--sid": (float(seen["reach"]),),
        "--sad": (1000.0,),
        "-r": (columns, rows),
        "-z": (columns * seen["pitch"][0], rows * seen["pitch"][1]),
        "-c": tuple(seen["foot_px"]),
        "-o": tuple(seen["source"] + 1000.0 * seen["beam"]),
        "-n": tuple(-seen["beam"]),
        "--vup": tuple(-seen["row"]),
    }
    command = [program, "drr", "-I", str(folder / "volume.mhd"), "-O", str(folder / "film")]
    command += ["-t", "pfm", "-i", "exact", "-P", "none", "-A", "cpu"]
    for option, values in options.items():
        command += [option, " ".join(f"{value:.9g}" for value in values)]
    return command


def _own_seconds(printed: str) -> float:
    found = _TIMES.search(printed)
    if found is None:
        raise PeerMissing("plastimatch printed no times")
    return float(found[2]) - float(found[1])


def _write_mhd(path: Path, solid: Solid) -> None:
    values = np.asarray(solid.attenuation_per_mm, dtype="<f4")
    values.transpose(2, 1, 0).tofile(path.with_suffix(".raw"))
    fields = {
        "offset": " ".join(f"{v:.9g}" for v in solid.origin_mm),
        "spacing": " ".join(f"{v:.9g}" for v in solid.spacing_mm),
        "size": " ".join(str(n) for n in values.shape),
        "data": path.with_suffix(".raw").name,
    }
    path.write_text(_MHD.format(**fields), encoding="ascii")


def _read_pfm(path: Path) -> Array:
    _, size, _, data = path.read_bytes().split(b"\n", 3)
    columns, rows = (int(n) for n in size.split())
    return np.frombuffer(data, dtype="<f4").reshape(rows, columns)


def rtk_image(view: View, *, repeats: int = 1) -> PeerImage:
    """RTK's JosephForwardProjectionImageFilter (Joseph 1982), in the peers' environment.

    Raises
    ------
    PeerMissing
        When it is not installed.
    """
    return _scripted("rtk_projector.py", view, repeats)


def diffdrr_image(view: View, *, repeats: int = 1, samples: int = 250) -> PeerImage:
    """DiffDRR's trilinear renderer; `extra["derivative"]`: forward and backward of a scalar loss.

    Raises
    ------
    PeerMissing
        When it is not installed.
    """
    return _scripted("diffdrr_renderer.py", view, repeats, samples=np.array(samples))


def _scripted(script: str, view: View, repeats: int, **more: Array) -> PeerImage:
    given = {
        "volume": np.asarray(view.solid.attenuation_per_mm, dtype=np.float32),
        "origin": view.solid.origin_mm,
        "spacing": view.solid.spacing_mm,
        "shape_px": np.array(view.shape_px),
        "repeats": np.array(repeats),
        **view.in_solid(),
        **more,
    }
    told = run_peer(script, given)
    extra = {name[8:]: tuple(map(float, told[name])) for name in told if name.startswith("seconds_")}
    return PeerImage(
        image=view.as_shown(told["image"]), seconds=tuple(map(float, told["seconds"])), extra=extra
    )


def run_peer(script: str, given: dict[str, Array], *, timeout_s: float = 1800.0) -> dict[str, Array]:
    """Run one of the scripts in `benchmarks/peers` with arrays in and arrays out.

    Raises
    ------
    PeerMissing
        When the environment is not there or the script fails; the last line of its complaint is passed on.
    """
    with tempfile.TemporaryDirectory() as name:
        asked, answered = Path(name) / "in.npz", Path(name) / "out.npz"
        np.savez(asked, **given)  # type: ignore[arg-type]
        command = [str(peers_python()), str(_SCRIPTS / script), str(asked), str(answered)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=_two_threads(), timeout=timeout_s
        )
        if done.returncode or not answered.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise PeerMissing(f"{script}: {last}")
        with np.load(answered) as told:
            return {key: told[key] for key in told.files}


def _two_threads() -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(THREADS))}


@contextmanager
def numba_threads(count: int = THREADS) -> Iterator[None]:
    """Our own kernels on as many threads as the peers have."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        numba.set_num_threads(before)
