"""Surfaces of skull, C1 and C2 of the mean phantom: a template shape, nobody's own bones.

The file is made by `python -m tools.template_bones` from the bodies of `anatomy.solids`; it holds outer
surfaces with air cells and sponge filled in, exactly symmetric about z = 0.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np

from atlasplane.geometry.mesh import TriangleMesh

TEMPLATE_BONES = ("skull", "c1", "c2")
STEP_MM = 0.01
"""Grid of the stored vertices."""


def template_file() -> Traversable:
    """The packaged file: per bone `<bone>_vertices` (int16, in steps of `STEP_MM`) and `<bone>_faces`."""
    return files("atlasplane.anatomy").joinpath("data/template_bones.npz")


@cache
def template_mesh(bone: str) -> TriangleMesh:
    """Surface of one bone at the mean size.

    Parameters
    ----------
    bone : "skull", "c1" or "c2"

    Returns
    -------
    TriangleMesh
        Frame of the bone in `anatomy.phantom.mean_phantom` (ISB axes, mm); closed, mirror-symmetric in z.

    Raises
    ------
    KeyError
        When there is no template of the bone.
    """
    if bone not in TEMPLATE_BONES:
        raise KeyError(f"no template of {bone}; there are {', '.join(TEMPLATE_BONES)}")
    with template_file().open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        vertices = stored[f"{bone}_vertices"].astype(float) * STEP_MM
        faces = stored[f"{bone}_faces"].astype(np.int64)
    vertices.setflags(write=False)
    faces.setflags(write=False)
    return TriangleMesh(vertices, faces)
