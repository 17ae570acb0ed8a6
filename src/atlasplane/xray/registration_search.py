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
from atlasplane.xray.registration_poses import Poses, bone_columns, change, changed, size
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
        Ends of several starts on the finest level, the best first; one where a single start was tried.
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
    """The best poses from the start, others drawn from its covariance, and ends with a bone turned."""
    reporter.tell(0.0, "films and bones from coarse to fine")
    specs = [LevelSpec.of(purpose) for purpose in ("skull", "bone", "joint")]
    made = iter(levels(problem, [spec for group in specs for spec in group]))
    skull_levels, bone_levels, joint_levels = ([next(made) for _ in group] for group in specs)
    drawn = tuple(_drawn(problem, rng, most_starts))
    skull, spent = _skull(problem, skull_levels, drawn, reporter)
    best, others, spent_on_bones = _bones(problem, bone_levels, skull, drawn, reporter)
    stage = Stage(level=skull.level, fit=best)
    masks: tuple[Film32, ...] = ()
    whole, settled, spent = stage, True, spent + spent_on_bones
    for k, level in enumerate(joint_levels):
        reporter.tell(0.4 + 0.2 * k, f"all bones, {level.spec.pixel_mm:g} mm")
        stage, masks = _next(problem, level, stage, reporter)
        whole = stage if level.spec.looks_at == "all" else whole
        spent, settled = spent + stage.fit.iterations, settled and stage.fit.settled
    rivals = [stage.fit, *(_rival(stage, end, reporter) for end in others)]
    spent += sum(rival.iterations for rival in rivals[1:])
    rivals.sort(key=_unlikeliness)
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
    stage = Stage(level=compared, fit=min(ends, key=_unlikeliness))
    spent = sum(end.iterations for end in ends)
    for level in pyramid[1:]:
        stage, _ = _next(problem, level, stage, reporter)
        spent += stage.fit.iterations
    return stage, spent


class _Descent:
    """Searches on the levels of the other bones, coarse to fine, and counts their steps."""

    def __init__(
        self,
        problem: RegistrationProblem,
        pyramid: Sequence[Level],
        parts: Sequence[Sequence[Section]],
        reporter: Reporter,
    ) -> None:
        self._problem, self._pyramid, self._parts, self._reporter = problem, pyramid, parts, reporter
        self.spent = 0

    def levels(self, held: Sequence[int]) -> list[LevelFit]:
        """The levels with some bones held."""
        pairs = zip(self._pyramid, self._parts, strict=True)
        return [LevelFit(self._problem, level, part, held=held) for level, part in pairs]

    def like(self, end: Fit) -> bool:
        """Whether the films look like every bone there."""
        level = self.levels((0,))[-1]
        bones = range(1, len(self._problem.bones))
        return all(level.likeness(end, bone) >= setting("starts", "like") for bone in bones)

    def end(self, held: Sequence[int], poses: Poses) -> Fit:
        """Where a search from there ends."""
        for level in self.levels(held):
            fit = level.search(level.at(poses), self._reporter.check)
            poses, self.spent = fit.poses, self.spent + fit.iterations
        return fit


def _bones(
    problem: RegistrationProblem,
    pyramid: Sequence[Level],
    skull: Stage,
    drawn: Sequence[Poses],
    reporter: Reporter,
) -> tuple[Fit, list[Fit], int]:
    """Best end of the other bones, those that are compared with it on the finest level, and all steps."""
    found = skull.fit.poses
    expected = replace(found, bones=drawn[0].bones)
    parts = [sections(problem, level, expected, setting("fit", "margin")) for level in pyramid]
    search = _Descent(problem, pyramid, parts, reporter)
    ends: list[Fit] = []
    for number, poses in enumerate(drawn, start=1):
        reporter.tell(0.2 + 0.02 * number, f"other bones from start {number}")
        ends.append(search.end((0,), replace(found, bones=poses.bones)))
        if _trusted(problem, ends, _others(problem)) and search.like(min(ends, key=_unlikeliness)):
            break
    for bone in range(1, len(problem.bones)):
        best = min(ends, key=_unlikeliness)
        held = tuple(k for k in range(len(problem.bones)) if k != bone)
        ends += [search.end(held, turned) for turned in _turned(problem, search, best, bone)]
    best, *rest = sorted(ends, key=_unlikeliness)
    return best, _compared(problem, best, rest), search.spent


def _unlikeliness(fit: Fit) -> float:
    return fit.unlikeliness


def _turned(problem: RegistrationProblem, search: _Descent, best: Fit, bone: int) -> Iterator[Poses]:
    """The bone turned both ways about the axis that the films tell least of, where wrong places lie."""
    level = search.levels((0,))[-1]
    at = bone_columns(problem, bone)
    cov = np.linalg.inv(level.equations(best)[0][at, at])
    variances, axes = np.linalg.eigh(cov[:3, :3])
    # The shift follows as the films say that it goes along with such a turn.
    along = cov[:, :3] @ axes[:, -1] / variances[-1]
    for way in (1, -1):
        step = np.zeros(size(problem))
        step[at] = way * np.radians(setting("starts", "turned")) * along
        yield changed(problem, best.poses, step)


def _compared(problem: RegistrationProblem, best: Fit, rest: Sequence[Fit]) -> list[Fit]:
    """What the finest level compares with the best: the next end at its place, and the next place if near."""
    near = best.unlikeliness + setting("starts", "contested")
    alike = [_alike(problem, best, end, _others(problem)) for end in rest]
    same = [end for end, own in zip(rest, alike, strict=True) if own]
    elsewhere = [end for end, own in zip(rest, alike, strict=True) if not own and end.unlikeliness < near]
    return same[:1] + elsewhere[:1]


def _trusted(problem: RegistrationProblem, ends: Sequence[Fit], part: slice) -> bool:
    """Whether enough starts ended at the best place, by the poses of a part of the unknowns."""
    best = min(ends, key=_unlikeliness)
    return sum(_alike(problem, best, end, part) for end in ends) >= setting("starts", "alike")


def _others(problem: RegistrationProblem) -> slice:
    """The unknowns of the bones but the skull."""
    return slice(PER_POSE * problem.skulls, PER_POSE * problem.poses)


def _alike(problem: RegistrationProblem, one: Fit, other: Fit, part: slice) -> bool:
    turn_deg, shift_mm = _apart(change(problem, one.poses, other.poses)[part])
    return turn_deg < setting("starts", "same_deg") and shift_mm < setting("starts", "same_mm")


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
