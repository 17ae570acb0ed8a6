"""DiffDRR's trilinear renderer on a stated view, forward and with its pose derivative.

`python diffdrr_renderer.py IN.npz OUT.npz`, in the peers' environment. The derivative is one backward pass of
a scalar loss to the six numbers of the pose: the renderer has no Jacobian image.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from diffdrr.pose import convert
from diffdrr_module import pose_of, renderer_of, subject_of

THREADS = 2


def main(asked: str, answered: str) -> None:
    """Render, time and write image and seconds."""
    torch.set_num_threads(THREADS)
    given = dict(np.load(asked))
    drr = renderer_of(subject_of(given["volume"], given["origin"], given["spacing"]), given)
    rotation, translation = pose_of(given).convert("euler_angles", "ZXY")
    samples, repeats = int(given["samples"]), int(given["repeats"])
    with torch.no_grad():
        pose = convert(rotation, translation, parameterization="euler_angles", convention="ZXY")
        image = drr(pose, n_points=samples)
        forward = [_timed(lambda: drr(pose, n_points=samples)) for _ in range(repeats)]
    rotation.requires_grad_(True)
    translation.requires_grad_(True)
    target = image + 0.1

    def both() -> None:
        moved = convert(rotation, translation, parameterization="euler_angles", convention="ZXY")
        ((drr(moved, n_points=samples) - target) ** 2).mean().backward()

    both()
    derivative = [_timed(both) for _ in range(repeats)]
    np.savez(
        answered,
        image=image[0, 0].numpy(),
        seconds=np.array(forward),
        seconds_derivative=np.array(derivative),
    )


def _timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
