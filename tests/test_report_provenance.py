"""Every source of a number is named with what it says of itself: films, films fitted together, volumes."""

from __future__ import annotations

from dataclasses import replace

from atlasplane.core.observation import Pose
from atlasplane.report.provenance_view import FILMS_TOGETHER, SPACE_FACTS, provenance_view
from atlasplane.report.view import FilmSource
from tests.bones_cases import with_observations
from tests.test_report_case import measured_pair
from tests.test_report_document import five_kinds

SCAN = "ct/neck.nii.gz"


def sources(*visits: object) -> dict[str, FilmSource]:
    """Sources of the first visit, or of these, by their heading."""
    shown = visits or measured_pair().visits[:1]
    return {source.file: source for source in provenance_view(shown).films}


def test_films_fitted_together_say_what_they_rest_on() -> None:
    visit = measured_pair().visits[0]
    facts = dict(sources()[FILMS_TOGETHER].facts)
    assert facts["Shape of the bones"] == "generic template"
    assert facts["Frames of the bones"].split(", ") == ["c1-foramina", "skull-frankfort", "c2-dens"]
    assert facts["Fit of all marks"].startswith("chi-square ")
    assert {film.file for film in visit.visit.films} >= set(facts["Made of"].split(", "))
    assert "Damped marks" not in facts


def test_every_word_of_a_joint_fit_has_a_title() -> None:
    for observed in measured_pair().visits[0].joint.observations:
        if "fit" in observed.provenance:
            assert set(observed.provenance) - {"sha256"} <= set(SPACE_FACTS)


def test_a_volume_is_named_with_its_readings_and_the_helical_axes_of_its_poses() -> None:
    pose = next(o for o in five_kinds() if isinstance(o, Pose))
    words = {"readings": "ct-r1, ct-r2", "frames": "c1-foramina", "helical axis": "2 deg about (0, 0, -1)"}
    seen = replace(pose, condition="cbct", source=(SCAN,), observer=("B", "A"), provenance=words)
    facts = dict(sources(with_observations(measured_pair().visits[0], [seen]))[SCAN].facts)
    assert facts["Observers"] == "A, B"
    assert facts["Readings"] == "ct-r1, ct-r2"
    assert facts[f"Helical axis, {pose.quantity.name}"] == "2° about (0, 0, −1)"
    assert "Made of" not in facts


def test_what_was_not_measured_has_no_source() -> None:
    assert SCAN not in sources()
