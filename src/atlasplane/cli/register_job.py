"""`register` as the job of a batch; the workers import it from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from atlasplane.chain.batch import Outcome
from atlasplane.core.errors import BadInput

if TYPE_CHECKING:
    from atlasplane.io.models_registration import RegisterOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterJob:
    """Options of `register` that hold for every case.

    Attributes
    ----------
    visit : str or None
        Its id; None for the last that can be registered.
    rig : "fixed", "free" or None
        None for what visit.toml says.
    start : str
        ``landmarks``, or the path of an earlier registration.
    """

    visit: str | None = None
    rig: Literal["fixed", "free"] | None = None
    start: str = "landmarks"

    def run(self, case: Path) -> Outcome:
        """Register the case and keep the result; raises AtlasplaneError."""
        from atlasplane import api

        return _outcome(api.register(case, visit=self.visit, rig=self.rig, start=self.start).record)

    def saved(self, case: Path) -> Outcome | None:
        """The registration that is kept, where all that it rests on is as it was and so are the options."""
        from atlasplane.chain.registered_films import visit_to_register
        from atlasplane.io.case_folder import read_case
        from atlasplane.io.registration_inputs import changed_inputs
        from atlasplane.io.registration_record import read_registration, record_name, record_path
        from atlasplane.pathways.alignment.registered_poses import METHOD

        found = read_case(case)
        visit = visit_to_register(found, self.visit)
        path = record_path(found.folder, visit)
        if not path.is_file():
            return None
        try:
            record = read_registration(path, name=record_name(visit))
        except BadInput:  # made anew
            return None
        if (record.case, record.visit) != (found.id, visit.id) or not self._asked(record):
            return None
        if changed_inputs(found.folder, visit, found.volumes, record.inputs, method=METHOD):
            return None
        return _outcome(record)

    def _asked(self, record: RegisterOutput) -> bool:
        """Whether it was made with these options."""
        began = "landmarks" if record.start.kind == "landmarks" else record.start.file
        return self.rig in (None, record.rig) and began == self.start


def _outcome(record: RegisterOutput) -> Outcome:
    from atlasplane.io.registration_record import record_document

    value, limit = record.residual.value, record.residual.limit
    return Outcome(
        status=record.status,
        values={
            "visit": record.visit,
            "rig": record.rig,
            "residual/limit": f"{value:.3g}/{limit:.3g}",
            "reason": " ".join(record.reasons),
        },
        document=record_document(record),
        needs_a_person=record.status != "ok",
    )
