"""What is said of masks that are not their bones."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.core.finding import Severity
from atlasplane.geometry.transform import RigidTransform
from atlasplane.volume.grid import GreyGrid
from atlasplane.volume.meshes import bone_surface, vertex_normals
from atlasplane.volume.shape_check import JointParting, joint_findings, shape_findings
from atlasplane.volume.template_fit import Surface, TemplateFit

GRID = GreyGrid(np.zeros((100, 70, 90), dtype=np.float32), np.eye(4))


def _shell(low: tuple[int, int, int], high: tuple[int, int, int]) -> np.ndarray:
    """A hollow box of one voxel's wall."""
    mask = np.zeros(GRID.values.shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    mask[tuple(slice(a + 1, b - 1) for a, b in zip(low, high, strict=True))] = False
    return mask


C1, C2 = _shell((10, 10, 45), (88, 60, 65)), _shell((22, 10, 5), (78, 60, 44))
SKULL = _shell((10, 10, 70), (88, 60, 80))


def _codes(
    c1: np.ndarray, c2: np.ndarray, skull: np.ndarray = SKULL, score: float = 0.5
) -> dict[str, Severity]:
    masks = {"skull": skull, "c1": c1, "c2": c2}
    nothing = np.zeros_like(skull)

    def surface(mask: np.ndarray):
        return bone_surface(GreyGrid(np.where(mask, 1.0, -1.0), np.eye(4)), 0.0, mask, nothing)

    true = {bone: surface(mask) for bone, mask in {"skull": SKULL, "c1": C1, "c2": C2}.items()}
    fit = TemplateFit(
        surfaces={bone: Surface(mesh.vertices_mm, vertex_normals(mesh)) for bone, mesh in true.items()},
        score=score,
        frames=dict.fromkeys(true, RigidTransform.identity()),
        distances_mm={},
    )
    meshes = {bone: surface(mask) for bone, mask in masks.items()}
    return {found.code: found.severity for found in shape_findings(masks, GRID, meshes, fit)}


def test_plausible_bones_raise_nothing() -> None:
    assert _codes(C1, C2) == {}


def test_exchanged_labels_are_found() -> None:
    found = _codes(C2, C1)
    assert found["mask.order"] is Severity.STOP
    assert found["mask.unlike"] in {Severity.WARN, Severity.STOP}


def test_a_missing_bone_is_found() -> None:
    assert _codes(np.zeros_like(C1), C2)["mask.missing"] is Severity.STOP
    assert _codes(C1, C2, np.zeros_like(SKULL))["mask.missing"] is Severity.STOP


def test_a_leak_into_the_next_bone_is_found() -> None:
    found = _codes(C1 | SKULL, C2)
    assert found["mask.pieces"] is Severity.WARN
    assert _codes(C1, _shell((22, 10, 1), (78, 60, 44)) | _shell((5, 2, 1), (95, 68, 40)))["mask.extent"]


def test_a_bone_on_the_border_is_not_whole() -> None:
    assert _codes(C1, _shell((22, 10, 0), (78, 60, 44)))["mask.cut"] is Severity.STOP


def test_a_place_unlike_a_neck_is_refused() -> None:
    assert _codes(C1, C2, score=0.1)["mask.no_neck"] is Severity.STOP


@pytest.mark.parametrize(
    ("touching", "unseen", "code"),
    [(0.0, 0.0, None), (0.4, 0.1, "mask.joint_fused"), (0.6, 0.5, "mask.joint_unseen")],
)
def test_fused_joints_are_reported(touching: float, unseen: float, code: str | None) -> None:
    parting = JointParting(joint="dens_arch", facing=100, touching=touching, unseen=unseen)
    assert parting.fused is (touching > 0)
    assert [found.code for found in joint_findings((parting,))] == ([code] if code else [])
