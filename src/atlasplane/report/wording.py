"""The sentences that every report carries, and the words for states."""

from __future__ import annotations

import re

from atlasplane.core.finding import Severity
from atlasplane.core.side import Side
from atlasplane.plan.gates import GateState
from atlasplane.plan.red_flags import Standing
from atlasplane.report.numbers import MINUS
from atlasplane.sources.case import Moment

DISCLAIMER = (
    "Research and education software. It has not been cleared or approved as a medical device in any "
    "country. Results are measurements with stated error, not a diagnosis or a treatment "
    "recommendation. Using it in patient care is the responsibility of the licensed clinician and may "
    "need local regulatory approval."
)
SIMULATED = "SIMULATED DATA: these films and numbers are not of a real person"
EXPANDED_NOTE = (
    "± is the expanded uncertainty (95 %). u is the standard uncertainty (k = 1) of the patient's own "
    "quantity: placing, scale, head position and tube angle; in space also the shape and the frames of the "
    "bones. MDC95 is the change that a repeat of this measurement must exceed. A side is named only where "
    "the value lies beyond 1.96 u of zero."
)
CHANGE_NOTE = (
    "Distinguishable: the change is larger than the minimal detectable change (MDC95) of this pair of "
    "measurements; of counts: their intervals do not meet. Meaningful: it also reaches a published minimal "
    "important change. Sustained: it also stands beyond a stable baseline. Three words, never one. The "
    "change of a pose is one turn about some axis, which has no sign."
)
SERIES_TITLE = "Over the visits"
SERIES_NOTE = (
    "Each change against the first visit is judged one by one at 95 %, by the minimal detectable change "
    "(MDC95) of that very pair of visits; “beyond MDC95” marks the visits that are distinguishable from "
    "the first. The first visit of a line is the first that has a value in it."
)
SERIES_PLOT_NOTE = (
    "Points are the values at their dates with 95 % bars; visits too near to each other are drawn apart. "
    "The grey band is the first value ± MDC95 of each pair. Plotted are the parts of the listing, the leg "
    "check and every quantity with a change beyond its MDC95."
)
BEYOND_MARK = "beyond MDC95"
FILM_NOTE = (
    "R, L, anterior and posterior come from the stored orientation of the film, never from the picture. "
    "Crosses are the landmarks as marked. ± is 95 %."
)
VECTOR_NOTE = "Computed from the protocol's rule set; not a treatment recommendation."
PATIENT_TITLE = "Your measurements in plain words"

MOMENTS = {Moment.SINGLE: "", Moment.PRE: "before (pre)", Moment.POST: "after (post)"}
SIDES = {Side.RIGHT: "right", Side.LEFT: "left", Side.UNDETERMINED: "undetermined"}
SEVERITIES = {Severity.STOP: "stop", Severity.WARN: "look", Severity.INFO: "note"}
SEVERITY_ORDER = (Severity.STOP, Severity.WARN, Severity.INFO)
GATE_STATES = {
    GateState.PASS: "passed",
    GateState.STOP: "stops the vector",
    GateState.UNKNOWN: "not answered",
}
GATE_NAMES = {
    "red_flag_quantity": "Red-flag quantity",
    "film_failed": "Film quality",
    "laterality_below_mdc": "Laterality against its MDC95",
    "stop_table": "Stop table",
}
VIEW_NAMES = {
    "lateral": "Lateral film",
    "nasium": "Nasium film",
    "vertex": "Vertex film",
    "base-posterior": "Base-posterior film",
    "apom": "AP open-mouth film",
    "ap-cervical": "AP cervical film",
    "lateral-full": "Lateral full-spine film",
    "ap-full": "AP full-spine film",
    "blair-right": "Blair film, right",
    "blair-left": "Blair film, left",
    "photo-lateral": "Photograph from the side",
    "photo-front": "Photograph from the front",
    "photo-back": "Photograph from behind",
}
REGISTERED = "registered"
"""Condition of what was measured on a scan that was registered to the films of the visit."""
CONDITIONS = {
    "lateral-full": "full-length film",
    "ap-full": "full-length film",
    "ap-cervical": "cervical film",
    "lateral": "lateral film",
    "apom": "open-mouth film",
    "photo-front": "from the front",
    "photo-back": "from behind",
    "ct": "CT",
    "cbct": "CBCT",
    "mri": "MRI",
    REGISTERED: "scan registered to the films",
}
"""Beside a value that is not of its quantity's home view."""
VOLUMES = ("ct", "cbct", "mri")
"""Conditions of what was measured on a volume."""
MODALITIES = {
    "film": "film",
    "photo": "photograph",
    "exam": "examination",
    "ct": "CT",
    "cbct": "CBCT",
    "mri": "MRI",
    "semg": "electromyogram",
}
STANDINGS = {
    Standing.WITHIN: "within the limit",
    Standing.NEAR: "cannot be told from the limit",
    Standing.BEYOND: "beyond the limit",
}
QUALITY_WORDS = {
    "rest_doubtful": "rest was not rest",
    "mm_at_detector": "mm at the detector, larger than the patient's",
    "technique_missing": "film geometry not stated",
    "nominal_scale": "placing error scaled by a nominal size",
    "generic_shape": "template for the shape of the bones, not this patient's own",
}
POSE_ANGLES = ("extension", "right side bending", "left axial rotation")
"""The angles of a pose, each named by its + direction (`Pose.zxy_deg`)."""
DOUBTFUL_TAGS = ("proposed", "unverified")
"""Tags that are marked wherever they stand."""

_PLAIN = {"+-": "±", " (u) deg": "° (u)", " (no unit)": "", " uV": " µV"}
_DEGREES = re.compile(r"(?<=\d) deg\b")
_MINUS_SIGN = re.compile(r"(?<![\w.])-(?=\d)")
_LONG_NUMBER = re.compile(r"\d+\.\d{5,}")
_NOT_A_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:nan|inf)\b", re.IGNORECASE)


def prose(text: str) -> str:
    """Plain-text numbers of a finding or gate in printed signs: ±, °, a real minus; "nan" in words."""
    for plain, printed in _PLAIN.items():
        text = text.replace(plain, printed)
    text = _LONG_NUMBER.sub(lambda found: f"{float(found.group()):.4f}", _DEGREES.sub("°", text))
    return _NOT_A_NUMBER.sub("not determined", _MINUS_SIGN.sub(MINUS, text))


def sentence(text: str) -> str:
    """The same with a capital first letter."""
    printed = prose(text)
    return printed[:1].upper() + printed[1:]
