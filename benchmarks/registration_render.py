"""Rendering against other people's projectors: time of an image, with and without its pose derivative.

A full block of 256 x 256 x 256 voxels of 0.6 mm on a film of 200 x 200 pixels from an oblique direction, two
threads for everyone, median of the repeats. The block has no empty corner: the skipping of empty voxels,
which real bones profit from, is worth nothing here. The images are compared too: like is timed with like.
DiffDRR's derivative is one backward pass of a scalar loss; ours is the image of all ten derivatives (six of
the pose, four of the camera). Ours is timed before and after every peer and the median of both is taken.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy import ndimage

from atlasplane.anatomy.solids import WATER_PER_MM, Solid
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.xray.projection import Window, project
from benchmarks.bar import Bar, at_least, at_most
from benchmarks.registration_peers import (
    PeerImage,
    PeerMissing,
    View,
    agreement,
    diffdrr_image,
    missing_bar,
    numba_threads,
    plastimatch_image,
    rtk_image,
)

SEED = 7
REPEATS = 7
SIZE, VOXEL_MM, FILM_PX = 256, 0.6, 200
LEAST_RATIO, MOST_FORWARD = 15.0, 1.5
GRAIN_MM = 2.4
_BORDER = 2
"""Empty voxels all round: how far the outermost voxels reach is each program's own affair."""
PEERS: dict[str, Callable[..., PeerImage]] = {
    "diffdrr": diffdrr_image,
    "rtk": rtk_image,
    "plastimatch": plastimatch_image,
}


def bars(repeats: int = REPEATS) -> Iterator[Bar]:
    """Agreement with each peer, times, and the two ratios; a missing peer gives a bar without a value."""
    view = render_view(np.random.default_rng(SEED))
    found: dict[str, PeerImage] = {}
    forward, derivative = _ours(view, repeats)
    for name, peer in PEERS.items():
        try:
            found[name] = peer(view, repeats=repeats)
        except PeerMissing as why:
            yield missing_bar(f"registration.render.agreement.{name}", str(why))
            continue
        again = _ours(view, repeats)
        forward, derivative = forward + again[0], derivative + again[1]
        off = agreement(_image(view), found[name].image)
        yield Bar(id=f"registration.render.agreement.{name}", value=off, unit="1", peer=name, seed=SEED)
        seconds = statistics.median(found[name].seconds)
        yield Bar(id=f"registration.render.seconds.{name}", value=seconds, unit="s", n=repeats, seed=SEED)
    yield _seconds("forward", forward)
    yield _seconds("derivative", derivative)
    yield _derivative_bar(found.get("diffdrr"), statistics.median(derivative))
    yield _forward_bar(found, statistics.median(forward))


def render_view(rng: np.random.Generator, size: int = SIZE, film_px: int = FILM_PX) -> View:
    """A block of water with grain, its middle at the origin, seen obliquely from 1 m on a film at 1.5 m.

    Parameters
    ----------
    rng : Generator
        Source of the grain.
    size : voxels along each edge; the block keeps its size in mm
    film_px : rows and columns of the film, which keeps its size too
    """
    voxel = VOXEL_MM * SIZE / size
    grain = ndimage.gaussian_filter(rng.standard_normal((size,) * 3, dtype=np.float32), GRAIN_MM / voxel)
    values = WATER_PER_MM * (1 + 0.3 * grain / grain.std())
    for axis in range(3):
        edges = np.moveaxis(values, axis, 0)
        edges[:_BORDER] = edges[-_BORDER:] = 0
    solid = Solid(
        attenuation_per_mm=values.astype(np.float32),
        origin_mm=np.full(3, -voxel * (size - 1) / 2),
        spacing_mm=np.full(3, voxel),
    )
    camera = PinholeCamera(
        source_mm=np.array([-1000.0, 0.0, 0.0]),
        centre_mm=np.array([500.0, 0.0, 0.0]),
        column_axis=np.array([0.0, 0.0, -1.0]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.full(2, 1.3 * FILM_PX / film_px),
        principal_px=np.full(2, (film_px - 1) / 2),
    )
    pose = RigidTransform(rotation_from_zxy(9.0, -6.0, 25.0), np.zeros(3))
    return View(solid=solid, pose=pose, camera=camera, shape_px=(film_px, film_px))


def _image(view: View, derivative: bool = False) -> np.ndarray:
    whole = Window((0, 0), (view.shape_px[1], view.shape_px[0]), 1)
    return project(view.solid, view.pose, view.camera, whole, derivative=derivative).image


def _ours(view: View, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of images without and with derivative; the first, which compiles, is not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    with numba_threads():
        for derivative in (False, True):
            _image(view, derivative)
            for _ in range(repeats):
                start = time.perf_counter()
                _image(view, derivative)
                times[derivative].append(time.perf_counter() - start)
    return times


def _seconds(what: str, values: list[float]) -> Bar:
    return Bar(
        id=f"registration.render.seconds.{what}",
        value=statistics.median(values),
        unit="s",
        n=len(values),
        seed=SEED,
    )


def _derivative_bar(peer: PeerImage | None, seconds: float) -> Bar:
    name = "registration.render_derivative"
    if peer is None:
        return missing_bar(name, "DiffDRR is missing")
    ratio = statistics.median(peer.extra["derivative"]) / seconds
    bar = at_least(name, ratio, LEAST_RATIO, "x", n=len(peer.seconds), seed=SEED)
    return _against(bar, "DiffDRR trilinear, forward and backward", ratio)


def _forward_bar(found: dict[str, PeerImage], seconds: float) -> Bar:
    name = "registration.render_forward"
    others = {
        peer: statistics.median(found[peer].seconds) for peer in ("rtk", "plastimatch") if peer in found
    }
    if not others:
        return missing_bar(name, "neither RTK nor plastimatch is there")
    fastest = min(others, key=others.__getitem__)
    share = seconds / others[fastest]
    bar = at_most(name, share, MOST_FORWARD, "of its time", n=len(found[fastest].seconds), seed=SEED)
    return _against(bar, fastest, 1 / share)


def _against(bar: Bar, peer: str, ratio: float) -> Bar:
    fields = {name: getattr(bar, name) for name in ("id", "value", "unit", "bar", "passed", "n", "seed")}
    return Bar(**fields, peer=peer, ratio=ratio)


if __name__ == "__main__":
    for bar in bars():
        print(json.dumps(bar.line()), flush=True)
