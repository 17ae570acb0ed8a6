"""Hypothesis strategies shared by the tests: angles, poses, landmark sets, measurements and visits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement, Site
from atlasplane.core.quantity import quantity
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """Finite floats of a closed range, without subnormals."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False, allow_subnormal=False)


small_deg = numbers(-12.0, 12.0)
"""Angles of bones and lines, degrees."""

zxy_deg = st.tuples(numbers(-179.0, 179.0), numbers(-85.0, 85.0), numbers(-179.0, 179.0))
"""Any Z-X'-Y'' angles away from the gimbal."""

points_2d = st.tuples(numbers(-300.0, 300.0), numbers(-300.0, 300.0)).map(np.array)
points_3d = st.tuples(*[numbers(-300.0, 300.0)] * 3).map(np.array)


@st.composite
def transforms(draw: st.DrawFn) -> RigidTransform:
    """Rigid transforms with shifts up to 300 mm."""
    return RigidTransform(rotation_from_zxy(*draw(zxy_deg)), draw(points_3d))


@st.composite
def nasium_angles(draw: st.DrawFn) -> tuple[float, float, float]:
    """Tilts of atlas plane line, skull and neck (phi, h, g) of a nasium film, degrees."""
    return draw(small_deg), draw(small_deg), draw(small_deg)


def measured(key: str, value: float, u: float | None = 0.5, **fields: object) -> Measurement:
    """A measurement of a catalogue quantity; `key` may end in /right or /left."""
    id_, _, side = key.partition("/")
    return Measurement(
        quantity=quantity(id_),
        visit="v1",
        method=f"{id_}/1",
        site=Site(side=side) if side else None,
        value=value,
        u=u,
        **fields,  # type: ignore[arg-type]
    )


def visit_of(
    values: Mapping[str, float],
    u: float | Mapping[str, float] = 0.5,
    *,
    cov: Array | None = None,
    shared: Mapping[str, Array] | None = None,
) -> JointObservations:
    """Joint observations of a visit; independent errors unless `cov` says otherwise."""
    sizes = np.array([u[key] if isinstance(u, Mapping) else u for key in values], dtype=float)
    own = np.diag(sizes**2) if cov is None else np.asarray(cov, dtype=float)
    shared = shared or {}
    total = own + sum((np.outer(e, e) for e in shared.values()), np.zeros_like(own))
    spread = np.sqrt(np.diag(total))
    observations = tuple(
        measured(key, value, float(s)) for (key, value), s in zip(values.items(), spread, strict=True)
    )
    return JointObservations(observations=observations, order=tuple(values), own_cov=own, shared=shared)
