"""A visit's registration as observations: only where it is in order and all that it rests on is as it was."""

from __future__ import annotations

from dataclasses import replace

from atlasplane.chain.registered_words import stale_finding, state_finding, unreadable_finding
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.registration_record import read_registration, record_name, record_path
from atlasplane.pathways.alignment.registered_poses import METHOD, registered_part, with_registered
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis
from atlasplane.sources.case import Case, Visit


def with_registration(case: Case, visit: Visit, analysis: AlignmentAnalysis) -> AlignmentAnalysis:
    """The analysis of a visit with the poses of its registration, or with a finding that says why not.

    A record that cannot be read is such a reason too: it is made anew by one command, and the films' own
    numbers do not hang on it.

    Raises
    ------
    BadInput
        When a file that the registration rests on cannot be read.
    """
    path = record_path(case.folder, visit)
    if not path.is_file():
        return analysis
    from atlasplane.chain.registered_record import registered_bones  # brings what a registration needs

    try:
        record = read_registration(path, name=record_name(visit))
    except BadInput as fault:
        unreadable = unreadable_finding(record_name(visit), fault.what)
        return replace(analysis, findings=(*analysis.findings, unreadable))
    against = _objection(case, visit, record)
    if against is not None:
        return replace(analysis, findings=(*analysis.findings, against))
    volume = next(each for each in case.volumes if each.file == record.inputs.volume.file)
    found, said = registered_part(visit.id, volume, registered_bones(record))
    news = tuple(finding for finding in said if finding not in analysis.findings)
    return replace(
        analysis, joint=with_registered(analysis.joint, found), findings=(*analysis.findings, *news)
    )


def _objection(case: Case, visit: Visit, record: RegisterOutput) -> Finding | None:
    """Why a registration gives no number; None of one that does."""
    from atlasplane.io.registration_inputs import changed_inputs  # reads case folders, with all that needs

    name = record_name(visit)
    if record.case != case.id or record.visit != visit.id:
        return stale_finding(name, ["the visit that it is of"])
    changed = changed_inputs(case.folder, visit, case.volumes, record.inputs, method=METHOD)
    if changed:
        return stale_finding(name, changed)
    if record.status != "ok":
        return state_finding(
            record.status,
            record.reasons,
            file=name,
            value=record.residual.value,
            limit=record.residual.limit,
        )
    return None
