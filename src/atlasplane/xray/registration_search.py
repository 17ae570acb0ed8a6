"""From several starts to one end: the coarsest level sorts them, the best are carried to the finest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from atlasplane.core.errors import Cancelled
from atlasplane.geometry.bundle_problem import covariance_root
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_film import Film32
from atlasplane.xray.registration_fit import Fit, LevelFit
from atlasplane.xray.registration_levels import Level, LevelSpec, Section, levels, sections
from atlasplane.xray.registration_poses import Poses, change, changed
from atlasplane.xray.registration_problem import PER_POSE, RegistrationProblem
from atlasplane.xray.registration_settings import setting

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stage:
    """One level and where the search ended on it."""

    level: LevelFit
    fit: Fit


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Found:
    """The end of a search.

    Attributes
    ----------
    whole : Stage
        Finest level that looks at all bones.
    last : Stage
        Finest level.
    masks : tuple of array of float32
        1 for the pixels of `whole` that `last` does not see; empty where it looks at all bones.
    rivals : tuple of Fit
        Ends of two starts on the finest level, the best first; one where a single start was tried.
    settled : bool
        On the joint levels.
    iterations : int
        Of all starts and levels.
    """

    whole: Stage
    last: Stage
    masks: tuple[Film32, ...]
    rivals: tuple[Fit, ...]
    settled: bool
    iterations: int


class Reporter:
    """Tells how far the search is and ends it when it is cancelled."""

    def __init__(self, progress: Progress | None, cancelled: Callable[[], bool] | None) -> None:
        self._progress, self._cancelled = progress, cancelled

    def tell(self, share: float, words: str) -> None:
        """Report a share of the work, 0 to 1."""
        self.check()
        if self._progress is not None:
            self._progress(share, words)

    def check(self) -> None:
        """End here when the user wants it.

        Raises
        ------
        Cancelled
        """
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("registration")


def search(
    problem: RegistrationProblem, rng: np.random.Generator, most_starts: int, reporter: Reporter
) -> Found:
    """The best poses from starts drawn from the covariance of the start (the first is the start itself)."""
    reporter.tell(0.0, "films and bones from coarse to fine")
    specs = [LevelSpec.of(purpose) for purpose in ("skull", "bone", "joint")]
    made = iter(levels(problem, [spec for group in specs for spec in group]))
    skull_levels, bone_levels, joint_levels = ([next(made) for _ in group] for group in specs)
    drawn = tuple(_drawn(problem, rng, most_starts))
    skull, spent = _skull(problem, skull_levels, drawn, reporter)
    ends, spent_on_bones = _bones(problem, bone_levels, skull, drawn, reporter)
    stage = Stage(level=skull.level, fit=ends[0])
    masks: tuple[Film32, ...] = ()
    whole, settled, spent = stage, True, spent + spent_on_bones
    for k, level in enumerate(joint_levels):
        reporter.tell(0.4 + 0.2 * k, f"all bones, {level.spec.pixel_mm:g} mm")
        stage, masks = _next(problem, level, stage, reporter)
        whole = stage if level.spec.looks_at == "all" else whole
        spent, settled = spent + stage.fit.iterations, settled and stage.fit.settled
    rivals = [stage.fit, *(_rival(stage, end, reporter) for end in ends[1:])]
    spent += sum(rival.iterations for rival in rivals[1:])
    rivals.sort(key=lambda fit: fit.unlikeliness)
    return Found(
        whole=whole,
        last=Stage(level=stage.level, fit=rivals[0]),
        masks=masks,
        rivals=tuple(rivals),
        settled=settled and rivals[0].settled,
        iterations=spent,
    )


def _drawn(problem: RegistrationProblem, rng: np.random.Generator, count: int) -> Iterator[Poses]:
    start = Poses.start(problem)
    yield start
    root = covariance_root(problem.start.cov)
    for _ in range(count - 1):
        step = np.concatenate([root @ rng.standard_normal(root.shape[1]), np.zeros(start.camera.size)])
        yield changed(problem, start, step)


def _skull(
    problem: RegistrationProblem, pyramid: Sequence[Level], drawn: Sequence[Poses], reporter: Reporter
) -> tuple[Stage, int]:
    """Where the skull stands; the other bones are led by it."""
    parts = sections(problem, pyramid[0], drawn[0], setting("fit", "margin"))
    compared = LevelFit(problem, pyramid[0], parts)
    skulls = PER_POSE * problem.skulls
    ends: list[Fit] = []
    for number, poses in enumerate(drawn, start=1):
        reporter.tell(0.02 * number, f"skull from start {number}")
        ends.append(compared.search(compared.at(poses), reporter.check))
        if _trusted(problem, ends, slice(0, skulls)):
            break
    stage = Stage(level=compared, fit=min(ends, key=lambda fit: fit.unlikeliness))
    spent = sum(end.iterations for end in ends)
    for level in pyramid[1:]:
        stage, _ = _next(problem, level, stage, reporter)
        spent += stage.fit.iterations
    return stage, spent


def _bones(
    problem: RegistrationProblem,
    pyramid: Sequence[Level],
    skull: Stage,
    drawn: Sequence[Poses],
    reporter: Reporter,
) -> tuple[list[Fit], int]:
    """Ends of the two best starts of the other bones, the best first."""
    found = skull.fit.poses
    expected = replace(found, bones=drawn[0].bones)
    compared = [
        LevelFit(
            problem, level, sections(problem, level, expected, setting("fit", "margin")), skull_fixed=True
        )
        for level in pyramid
    ]
    ends: list[Fit] = []
    spent = 0
    for number, poses in enumerate(drawn, start=1):
        reporter.tell(0.2 + 0.02 * number, f"other bones from start {number}")
        at = replace(found, bones=poses.bones)
        for level in compared:
            end = level.search(level.at(at), reporter.check)
            at, spent = end.poses, spent + end.iterations
        ends.append(end)
        if _trusted(problem, ends, slice(PER_POSE * problem.skulls, PER_POSE * problem.poses)):
            break
    return sorted(ends, key=lambda fit: fit.unlikeliness)[:2], spent


def _trusted(problem: RegistrationProblem, ends: Sequence[Fit], part: slice) -> bool:
    """Whether enough starts ended at the best place, by the poses of a part of the unknowns."""
    best = min(ends, key=lambda fit: fit.unlikeliness)
    alike = 0
    for end in ends:
        turn_deg, shift_mm = _apart(change(problem, best.poses, end.poses)[part])
        alike += turn_deg < setting("starts", "same_deg") and shift_mm < setting("starts", "same_mm")
    return len(ends) >= setting("starts", "least") and alike >= setting("starts", "alike")


def _apart(changes: Array) -> tuple[float, float]:
    """Largest turn (deg) and shift (mm)."""
    parts = changes.reshape(-1, PER_POSE)
    turns, shifts = np.linalg.norm(parts[:, :3], axis=1), np.linalg.norm(parts[:, 3:], axis=1)
    return float(np.degrees(turns.max())), float(shifts.max())


def _next(
    problem: RegistrationProblem, level: Level, before: Stage, reporter: Reporter
) -> tuple[Stage, tuple[Film32, ...]]:
    parts = sections(problem, level, before.fit.poses, 0.0)
    masks: tuple[Film32, ...] = ()
    carried = None
    if level.spec.looks_at != "all":
        masks = tuple(_unseen(own.section, part) for own, part in zip(before.level.films, parts, strict=True))
        carried = before.level.outside(before.fit, masks)
    compared = LevelFit(problem, level, parts, carried)
    return Stage(level=compared, fit=compared.search(compared.at(before.fit.poses), reporter.check)), masks


def _rival(last: Stage, end: Fit, reporter: Reporter) -> Fit:
    """Another start's end on the finest level, from where the best one left the skull."""
    poses = replace(last.fit.poses, bones=end.poses.bones)
    return last.level.search(last.level.at(poses, last.fit), reporter.check)


def _unseen(coarse: Section, fine: Section) -> Film32:
    """1 for the pixels of the coarser section whose centres the finer one does not hold."""
    rows, columns = coarse.shape
    inside = []
    for axis, count in ((1, rows), (0, columns)):
        # Both cameras stand on the detector: places in mm from its centre.
        at = (np.arange(count) - coarse.camera.principal_px[axis]) * coarse.camera.pitch_mm[axis]
        on_fine = at / fine.camera.pitch_mm[axis] + fine.camera.principal_px[axis]
        inside.append((on_fine > -0.5) & (on_fine < fine.shape[1 - axis] - 0.5))
    return 1 - np.outer(inside[0], inside[1]).astype(np.float32)
