"""A case measured: every visit's analysis, listing, gates and vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from atlasplane.chain.film_days import films_apart
from atlasplane.chain.registered_measures import with_registration
from atlasplane.core.errors import BadInput, MissingExtra
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Observation
from atlasplane.pathways.alignment.film_analysis import VIEWS, read_film
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis, analyse_visit
from atlasplane.plan.classification import Classification, Sign, TypeRule, classify
from atlasplane.plan.gates import Gate, gates, is_open
from atlasplane.plan.height import MANUAL_U_IN, HeightModel, ManualHeight, TableHeight, TwoArcHeight
from atlasplane.plan.listing import Listing, listing
from atlasplane.plan.vector import LEVER_IN, CorrectionVector, correction_vector
from atlasplane.sources.case import Case, Visit
from atlasplane.sources.visit_recording import SEMG

if TYPE_CHECKING:
    from atlasplane.chain.spasms import AnalysedRecording

Progress = Callable[[float, str], None]
"""Told what share of a recording is done, 0 to 1, and what is being done; also from other threads."""
_SIGNS: Mapping[str, Sign] = {"right": "right", "left": "left", "zero": "zero"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """What the adjuster brings to the plan.

    Attributes
    ----------
    height : HeightModel or None
        None gives no vector.
    lever_in : float
        Lateral component of the notch-transverse distance.
    rotation_share : float
    types : tuple of TypeRule
        The user's own type table.
    """

    height: HeightModel | None = None
    lever_in: float = LEVER_IN
    rotation_share: float = 1.0
    types: tuple[TypeRule, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeasuredVisit:
    """One visit with everything that its films say and what follows.

    Attributes
    ----------
    visit : Visit
    alignment : AlignmentAnalysis
    listing : Listing or None
    classification : Classification or None
    gates : tuple of Gate
    vector : CorrectionVector or None
        None where a gate stops, the side is undetermined, or no height model was chosen.
    no_vector_because : str
        Why there is none; names the gate. Empty with a vector.
    recordings : tuple of AnalysedRecording
        Of muscle activity; their numbers stand among the observations too.
    """

    visit: Visit
    alignment: AlignmentAnalysis
    listing: Listing | None
    classification: Classification | None
    gates: tuple[Gate, ...]
    vector: CorrectionVector | None
    no_vector_because: str
    recordings: tuple[AnalysedRecording, ...] = ()

    @property
    def joint(self) -> JointObservations:
        """Observations with their covariance."""
        return self.alignment.joint


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeasuredCase:
    """A case with its measured visits, in time order."""

    case: Case
    visits: tuple[MeasuredVisit, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of the folder, then of each visit; what several visits say alike stands once."""
        return tuple(
            dict.fromkeys((*self.case.findings, *(f for v in self.visits for f in v.alignment.findings)))
        )

    @property
    def needs_a_person(self) -> bool:
        """Whether a `stop` finding asks somebody to look."""
        return any(f.severity is Severity.STOP for f in self.findings)

    def visit(self, id_: str) -> MeasuredVisit | None:
        """The visit with this id, or None."""
        return next((v for v in self.visits if v.visit.id == id_), None)


def plan_settings(case: Case, visit: Visit) -> PlanSettings:
    """What case.toml and visit.toml say of the plan: the clinician's entry first, else the chosen model."""
    choice, entered = case.plan, visit.entered_height
    height: HeightModel | None = None
    if entered is not None:
        height = ManualHeight(entered_in=entered.height_in, u_model_in=entered.u_in or MANUAL_U_IN)
    elif choice.height == "two-arc":
        height = TwoArcHeight()
    elif choice.height == "table":
        height = TableHeight(rows=choice.height_table)
    return PlanSettings(
        height=height,
        lever_in=choice.lever_in or LEVER_IN,
        rotation_share=choice.rotation_share or 1.0,
        types=tuple(_type_rule(rule) for rule in choice.types),
    )


def _type_rule(rule: Mapping[str, str]) -> TypeRule:
    upper, lower, plane, neck = (_SIGNS.get(rule.get(key, "")) for key in ("upper", "lower", "plane", "neck"))
    return TypeRule(name=rule["name"], upper=upper, lower=lower, plane=plane, neck=neck)


def measure_case(
    case: Case, settings: PlanSettings | None = None, *, progress: Progress | None = None
) -> MeasuredCase:
    """Measure every visit of a case.

    Parameters
    ----------
    settings : PlanSettings, optional
        For every visit; default what case.toml and each visit.toml say.
    progress : callable, optional
        Told how far a recording is; films take no time worth telling.

    Raises
    ------
    BadInput
        When marks cannot be used or contradict what is stored of the film.
    """
    apart = films_apart(case)
    visits = tuple(
        _recorded(_measured(visit, case, settings or plan_settings(case, visit), apart), case, progress)
        for visit in case.visits
    )
    if not any(visit.joint.observations for visit in visits):
        _refuse_too_few(case)
    return MeasuredCase(case=case, visits=visits)


def _refuse_too_few(case: Case) -> None:
    """Raise TooFewPoints where marks were made and nothing at all can be measured of them."""
    for visit in case.visits:
        for film in visit.films:
            for reading in film.readings if film.view in VIEWS else ():
                read_film(film, reading)


def _measured(visit: Visit, case: Case, settings: PlanSettings, apart: Mapping[str, str]) -> MeasuredVisit:
    alignment = analyse_visit(visit, observers=case.observers, volumes=case.volumes, apart=apart)
    alignment = with_registration(case, visit, alignment)
    own_files = {image.file for image in (*visit.films, *visit.photos)}
    own_files |= {volume.file for volume in case.volumes if volume.visit == visit.id}
    findings = [*alignment.findings, *(f for f in case.findings if f.file in own_files)]
    states = gates(alignment.joint, findings, sex=case.sex)
    vector, because = _vector(alignment.joint, states, settings)
    return MeasuredVisit(
        visit=visit,
        alignment=alignment,
        listing=listing(alignment.joint),
        classification=classify(alignment.joint, settings.types),
        gates=states,
        vector=vector,
        no_vector_because=because,
    )


def _recorded(measured: MeasuredVisit, case: Case, progress: Progress | None) -> MeasuredVisit:
    """The visit with what its recordings, scales and diary say; gates and vector are those of the films."""
    visit = measured.visit
    observations: list[Observation] = []
    findings: tuple[Finding, ...] = ()
    recordings: tuple[AnalysedRecording, ...] = ()
    if visit.recordings:
        try:
            from atlasplane.chain.spasms_visit import recorded_visit  # brings readers and filters
        except MissingExtra as missing:
            findings = tuple(_not_measured(visit, missing))
        else:
            found = recorded_visit(visit, simulated=case.simulated, progress=progress)
            recordings, findings = found.recordings, found.findings
            observations += found.observations
    if visit.responses or case.diary:
        from atlasplane.chain.spasms_told import told_findings, told_observations

        observations += told_observations(case, visit)
        findings = (*findings, *told_findings(visit))
    if not observations and not findings:
        return measured
    joint = measured.alignment.joint
    alignment = replace(
        measured.alignment,
        joint=replace(joint, observations=(*joint.observations, *observations)),
        findings=(*measured.alignment.findings, *findings),
    )
    return replace(measured, alignment=alignment, recordings=recordings)


def _not_measured(visit: Visit, missing: MissingExtra) -> Iterator[Finding]:
    """Recordings that wait for an optional part: the films' numbers do not hang on it."""
    text = f"The recording is not measured: {missing.file} {missing.what}. {missing.remedy}."
    for stated in visit.recordings:
        if stated.kind == SEMG:
            yield Finding(code="spasm.not_measured", severity=Severity.WARN, file=stated.file, text=text)


def _vector(
    joint: JointObservations, states: tuple[Gate, ...], settings: PlanSettings
) -> tuple[CorrectionVector | None, str]:
    if not is_open(states):
        stopped = [gate for gate in states if gate.state.value == "stop"]
        return None, "; ".join(f"{gate.id}: {gate.reason}" for gate in stopped)
    if settings.height is None:
        return (
            None,
            "no height model chosen: enter a height, bring your own chart, "
            "or choose the two-arc model (research)",
        )
    try:
        vector = correction_vector(
            joint, settings.height, lever_in=settings.lever_in, rotation_share=settings.rotation_share
        )
    except BadInput as fault:  # the user's chart does not reach this value: the measurements stand
        return None, f"{fault.file}: {fault.what}"
    if vector is None:
        return None, "laterality, rotation or an input of the height model is not measured"
    return vector, ""
