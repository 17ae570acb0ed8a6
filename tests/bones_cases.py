"""The report's pair of visits with C1 and C2 placed in the skull by hand, and a CT that holds the bones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.template_bones import template_mesh
from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.core.observation import Measurement, Observation, Pose
from atlasplane.core.quantity import quantity
from atlasplane.geometry.frames import lps_from_isb
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.sources.reading import MarkedPoint, Reading
from atlasplane.sources.volume import Volume
from tests.test_report_case import measured_pair

U_DEG = {"flexion": 0.6, "laterality": 0.8, "rotation": 1.1}
_TURN_SD = np.radians([U_DEG["laterality"], U_DEG["rotation"], U_DEG["flexion"]])
COV6 = np.diag([*_TURN_SD**2, 0.25, 0.25, 0.25])
SCANNER = RigidTransform(rotation_from_zxy(12.0, -5.0, 21.0), np.array([31.0, -140.0, 8.0]))
"""Where the skull lies in the scanner, ISB axes."""


def placed(visit: MeasuredVisit, angles: Mapping[str, float], condition: str | None = None) -> MeasuredVisit:
    """The visit with flexion, laterality and rotation of C1 in the skull; C2 straight below."""
    flexion, laterality, rotation = (angles[name] for name in ("flexion", "laterality", "rotation"))
    header = {
        "visit": visit.visit.id,
        "method": "by-hand/1",
        "condition": condition,
        "provenance": {"shape": "generic template"},
    }
    poses = [
        _pose("c1_in_skull", "c1-foramina", rotation_from_zxy(-flexion, -laterality, rotation), header),
        _pose("c2_in_skull", "c2-dens", np.eye(3), header),
    ]
    numbers = [
        Measurement(quantity=quantity(f"atlas_{name}_3d"), value=value, u=U_DEG[name], **header)
        for name, value in angles.items()
    ]
    return with_observations(visit, [*poses, *numbers])


def _pose(id_: str, frame: str, rotation: np.ndarray, header: dict[str, object]) -> Pose:
    bone = id_.partition("_")[0]
    return Pose(
        quantity=quantity(id_),
        from_frame=frame,
        to_frame="skull-frankfort",
        origin="by hand",
        rotation=rotation,
        translation_mm=mean_phantom().origins_mm[bone],
        cov6=COV6,
        **header,
    )


def with_observations(visit: MeasuredVisit, more: list[Observation]) -> MeasuredVisit:
    joint = visit.joint
    joint = replace(joint, observations=(*joint.observations, *more))
    return replace(visit, alignment=replace(visit.alignment, joint=joint))


def without_space(visit: MeasuredVisit) -> MeasuredVisit:
    """The visit without anything that its films tell together, and without the findings about it."""
    joint = visit.joint
    kept = tuple(o for o in joint.observations if not o.method.startswith("films-jointly"))
    at = [k for k, key in enumerate(joint.order) if key in {o.key for o in kept}]
    joint = replace(
        joint,
        observations=kept,
        order=tuple(joint.order[k] for k in at),
        own_cov=joint.own_cov[np.ix_(at, at)],
        shared={key: effect[at] for key, effect in joint.shared.items()},
    )
    findings = tuple(f for f in visit.alignment.findings if not f.code.startswith("pose."))
    return replace(visit, alignment=replace(visit.alignment, joint=joint, findings=findings))


@cache
def flat_pair() -> MeasuredCase:
    """Two visits without any pose."""
    measured = measured_pair()
    return replace(measured, visits=tuple(without_space(visit) for visit in measured.visits))


@cache
def placed_pair() -> MeasuredCase:
    """Films together in both visits, a CT in the first."""
    measured = flat_pair()
    pre, post = measured.visits
    pre = placed(pre, {"laterality": 2.4, "rotation": -3.1, "flexion": -6.0})
    pre = placed(pre, {"laterality": 2.0, "rotation": -2.6, "flexion": -5.2}, "ct")
    post = placed(post, {"laterality": 0.9, "rotation": -1.1, "flexion": -5.1})
    return replace(measured, visits=(pre, post))


def comparison_of(measured: MeasuredCase) -> Comparison:
    pre, post = measured.visits
    return Comparison(pre=pre, post=post, changes=pre.joint.compare(post.joint, level=0.95), level=0.95)


def scanned_bones(*bones: str) -> Volume:
    """A CT of the mean phantom, turned in the scanner, with the template as the meshes of some bones."""
    phantom = mean_phantom()

    def in_lps(bone: str, points: np.ndarray) -> np.ndarray:
        return lps_from_isb(SCANNER.apply(points + phantom.origins_mm[bone]))

    marks = {
        id_: MarkedPoint(in_lps(bone, at)) for id_, (bone, at) in phantom.points_mm.items() if bone != "trunk"
    }

    def load(bone: str) -> TriangleMesh:
        mesh = template_mesh(bone)
        return TriangleMesh(in_lps(bone, mesh.vertices_mm), mesh.faces)

    return Volume(
        file="ct/head.nii.gz",
        shape=(4, 4, 4),
        affine_lps=np.eye(4),
        hounsfield=True,
        load_voxels=lambda: np.zeros((4, 4, 4)),
        readings=(
            Reading(
                id="r1", observer="A", time=datetime(2026, 3, 2, tzinfo=UTC), tool="mark/1.0", points=marks
            ),
        ),
        meshes={bone: f"ct/{bone}.stl" for bone in bones},
        load_mesh=load,
    )
