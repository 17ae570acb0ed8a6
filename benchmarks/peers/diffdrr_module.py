"""DiffDRR's renderer of a stated view, and the one function of torchvision that its losses use.

DiffDRR imports torchvision for a Gaussian blur only; a build of it must match torch to the digit and may not
exist for this machine, so the blur stands here (separable, edges reflected, as torchvision defines it).
"""

from __future__ import annotations

import math
import sys
import types

import numpy as np
import torch


def gaussian_blur(image: torch.Tensor, kernel_size: int, sigma: float) -> torch.Tensor:
    """Separable Gaussian blur of images (batch, channel, rows, columns), edges reflected."""
    reach = (kernel_size - 1) / 2
    at = torch.linspace(-reach, reach, kernel_size)
    weights = torch.exp(-0.5 * (at / float(sigma)) ** 2)
    weights = weights / weights.sum()
    channels, pad = image.shape[1], kernel_size // 2
    kernel = torch.outer(weights, weights).expand(channels, 1, kernel_size, kernel_size)
    padded = torch.nn.functional.pad(image, [pad, pad, pad, pad], mode="reflect")
    return torch.nn.functional.conv2d(padded, kernel, groups=channels)


def _stand_in() -> None:
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    modules = [types.ModuleType(name) for name in names]
    modules[2].gaussian_blur = gaussian_blur
    for outer, inner, name in (
        (modules[0], modules[1], "transforms"),
        (modules[1], modules[2], "functional"),
    ):
        setattr(outer, name, inner)
    sys.modules.update(zip(names, modules, strict=True))


_stand_in()

from diffdrr.drr import DRR  # noqa: E402
from diffdrr.metrics import (  # noqa: E402
    GradientNormalizedCrossCorrelation2d,
    MultiscaleNormalizedCrossCorrelation2d,
)
from diffdrr.pose import RigidTransform  # noqa: E402
from torchio import ScalarImage, Subject  # noqa: E402

__all__ = [
    "GradientNormalizedCrossCorrelation2d",
    "MultiscaleNormalizedCrossCorrelation2d",
    "pose_of",
    "renderer_of",
    "subject_of",
]


def subject_of(volume: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> Subject:
    """Attenuation per mm on its own axes, taken as it is (no Hounsfield conversion)."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    image = ScalarImage(tensor=torch.as_tensor(np.ascontiguousarray(volume))[None], affine=affine)
    return Subject(volume=image, mask=None, density=image, reorient=torch.eye(4), fiducials=None)


def renderer_of(subject: Subject, given: dict[str, np.ndarray]) -> DRR:
    """The trilinear renderer with the detector of the view."""
    rows, columns = (int(n) for n in given["shape_px"])
    middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
    # The detector's x and y run against columns and rows.
    shift = -(middle - given["foot_px"]) * given["pitch"]
    return DRR(
        subject,
        sdd=float(given["reach"]),
        height=rows,
        width=columns,
        delx=float(given["pitch"][0]),
        dely=float(given["pitch"][1]),
        x0=float(shift[0]),
        y0=float(shift[1]),
        reverse_x_axis=True,
        renderer="trilinear",
    )


def pose_of(given: dict[str, np.ndarray]) -> RigidTransform:
    """Camera to solid: x against columns, y against rows, z along the beam."""
    axes = np.stack([-given["column"], -given["row"], given["beam"]], axis=1)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, given["source"]
    return RigidTransform(torch.as_tensor(matrix, dtype=torch.float32))


def angle_deg(turn: np.ndarray) -> float:
    """Angle of a rotation matrix."""
    return math.degrees(math.acos(min(1.0, max(-1.0, (float(np.trace(turn)) - 1) / 2))))
