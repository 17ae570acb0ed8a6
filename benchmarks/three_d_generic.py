"""A person without CT: what the estimator is told is the generic shape of the program."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from atlasplane.pathways.alignment.film_fit_shape import generic_fitted_shape
from benchmarks.three_d_cases import BONES, MEAN_IDS, PRIOR, Believed, Person, exact_shape


@cache
def generic_believed() -> Believed:
    """The generic shape, restricted to points that the films show or frames need.

    Where the joints are expected differs between persons too, so that prior is wider than with a CT.
    """
    told = generic_fitted_shape().keeping(MEAN_IDS, BONES)
    return Believed(shape=told.shape, joints=told.joints, prior=replace(PRIOR, joint_mm=4.0))


def template_person(rng: np.random.Generator) -> Person:
    """A person who differs from the template as the template says that persons do."""
    told = generic_believed()
    shape = told.shape
    off = shape.root_mm @ rng.normal(size=shape.root_mm.shape[1])
    return Person(
        shape=exact_shape(shape.ids, shape.bones, shape.points_mm + off.reshape(-1, 3)),
        joints=told.joints,
        condyles_mm=np.zeros(3),
    )
