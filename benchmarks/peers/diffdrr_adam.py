"""Registration of one bone to several films with DiffDRR and Adam: `python diffdrr_adam.py IN.npz OUT.npz`.

Similarity, learning rates and plateau schedule are xvr's defaults (mean of multiscale and gradient NCC, 0.01
rad and 1 mm, ten times lower after ten steps without a gain of 1e-4, three plateaus a scale); xvr itself does
not run without a GPU and takes one film. The films' similarities are added. What is sought is a motion of the
bone about its centre, the origin of its frame here, in Euler angles ZXY.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from diffdrr.pose import convert
from diffdrr_module import (
    GradientNormalizedCrossCorrelation2d,
    MultiscaleNormalizedCrossCorrelation2d,
    pose_of,
    renderer_of,
    subject_of,
)

THREADS = 2
TURN_RATE, SHIFT_RATE = 1e-2, 1.0
FACTOR, PATIENCE, THRESHOLD, PLATEAUS, STEPS = 0.1, 10, 1e-4, 3, 500
PATCH, SIGMA, BETA = 9, 5.0, 0.5
SAMPLES = 250


def main(asked: str, answered: str) -> None:
    """Register, time and write the motion (solid after to solid before), seconds and number of steps."""
    torch.set_num_threads(THREADS)
    given = dict(np.load(asked))
    views, levels = int(given["views"]), int(given["levels"])
    subject = subject_of(given["volume"], given["origin"], given["spacing"])
    stages = [[_view(given, subject, f"v{k}l{level}_") for k in range(views)] for level in range(levels)]
    rotation, shift = torch.zeros(1, 3, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    start, busy, steps, divisor = time.perf_counter(), time.process_time(), 0, 1.0
    for number, stage in enumerate(stages):
        divisor *= 2.0**number
        steps += _climb(stage, rotation, shift, divisor)
    seconds = time.perf_counter() - start, time.process_time() - busy
    with torch.no_grad():
        motion = _motion(rotation, shift).matrix[0].numpy()
    np.savez(answered, motion=motion, seconds=np.array(seconds), steps=np.array(steps))


def _view(given, subject, prefix):
    own = {name[len(prefix) :]: value for name, value in given.items() if name.startswith(prefix)}
    image = torch.as_tensor(own["image"], dtype=torch.float32)[None, None]
    return renderer_of(subject, own), pose_of(own), image


def _motion(rotation, shift):
    return convert(rotation, shift, parameterization="euler_angles", convention="ZXY")


def _climb(stage, rotation, shift, divisor: float) -> int:
    """Adam at one scale until the similarity has plateaued; number of steps."""
    coarse = MultiscaleNormalizedCrossCorrelation2d([None, PATCH], [0.5, 0.5])
    edges = GradientNormalizedCrossCorrelation2d(PATCH, SIGMA)
    optimizer = torch.optim.Adam(
        [
            {"params": [rotation], "lr": TURN_RATE / divisor},
            {"params": [shift], "lr": SHIFT_RATE / divisor},
        ],
        maximize=True,
    )
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=FACTOR, patience=PATIENCE, threshold=THRESHOLD, mode="max"
    )
    plateaus, lowest = 0, float("inf")
    for step in range(STEPS):
        optimizer.zero_grad()
        motion = _motion(rotation, shift)
        total = torch.zeros(1)
        for drr, camera, image in stage:
            drawn = drr(camera.compose(motion), n_points=SAMPLES)
            total = total + BETA * coarse(image, drawn) + (1 - BETA) * edges(image, drawn)
        total.sum().backward()
        optimizer.step()
        scheduler.step(float(total))
        rate = optimizer.param_groups[0]["lr"]
        if rate < lowest:
            lowest, plateaus = rate, plateaus + 1
        if plateaus == PLATEAUS:
            return step + 1
    return STEPS


if __name__ == "__main__":
    main(*sys.argv[1:])
