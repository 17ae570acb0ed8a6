"""The verbs in Python: the same numbers as the command line and the report, digit for digit."""

from __future__ import annotations

import csv
import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

import atlasplane
from atlasplane import api
from atlasplane.api.rows import observation_row
from atlasplane.chain.measured import PlanSettings
from atlasplane.core.errors import BadInput, NoScale
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Category, Count, Grade, Measurement, Pose
from atlasplane.report.quantity_rows import quantity_row
from tests.cli_cases import Run, change, copy_of, runner, write_whole_case
from tests.test_report_document import five_kinds


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_case(tmp_path_factory.mktemp("api") / "case")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def test_load_is_the_door(case: Path) -> None:
    loaded = atlasplane.load(str(case))
    assert loaded.case.id == "cli-case"
    assert [visit.visit.id for visit in loaded.measure().visits] == ["v1", "v2"]
    with pytest.raises(BadInput, match="does not exist"):
        atlasplane.load(case / "nowhere")


def test_a_case_is_measured_once(case: Path) -> None:
    loaded = atlasplane.load(case)
    assert loaded.measure() is loaded.measure()
    assert loaded.compare().pre is loaded.measure().visits[0]
    assert loaded.measure(PlanSettings()) is not loaded.measure()
    assert all(visit.vector is None for visit in loaded.measure(PlanSettings()).visits)


def test_python_and_json_give_the_same_digits(case: Path, go: Run) -> None:
    loaded = atlasplane.load(case)
    document = go("measure", case, "--json").document
    for measured, printed in zip(loaded.measure().visits, document["visits"], strict=True):
        assert [o.quantity.id for o in measured.joint.observations] == [
            o["quantity"] for o in printed["observations"]
        ]
        for observed, shown in zip(measured.joint.observations, printed["observations"], strict=True):
            if isinstance(observed, Measurement):
                assert (shown["value"], shown["u"], shown["u_film"]) == (
                    observed.value,
                    observed.u,
                    observed.u_film,
                )
    changes = {change.pre.key: change.value for change in loaded.compare().changes}
    for shown in go("compare", case, "--json").document["changes"]:
        site = shown["site"] or {"level": None, "side": None}
        key = ObservationKey(
            quantity=shown["quantity"], level=site["level"], side=site["side"], condition=shown["condition"]
        )
        assert shown["change"] == changes[str(key)]


def test_table_and_report_print_the_same_digits(case: Path, go: Run, tmp_path: Path) -> None:
    loaded = atlasplane.load(case)
    (page,) = loaded.report(pdf=False, folder=tmp_path)
    html, terminal = page.read_text(encoding="utf-8"), go("measure", case).out
    for visit in loaded.measure().visits:
        for observed in visit.joint.observations:
            row = quantity_row(observed)
            assert row.value in html and row.expanded in html
            # In the terminal a pose has one line an angle; narrow windows leave the standard uncertainty out.
            printed = [part for angle in row.angles for part in angle[:3]] or [row.value, row.expanded]
            assert [part for part in printed if part not in terminal] == []


def test_report_writes_into_the_case_or_elsewhere(case: Path, tmp_path: Path) -> None:
    own = copy_of(case, tmp_path / "case")
    assert atlasplane.load(own).report(pdf=False) == [own / "report.html"]
    other = tmp_path / "other"
    other.mkdir()
    assert atlasplane.load(own).report(pdf=False, folder=str(other)) == [other / "report.html"]


def test_a_case_of_one_visit_has_a_report_and_no_comparison(case: Path, tmp_path: Path) -> None:
    own = copy_of(case, tmp_path / "case")
    for path in sorted((own / "2026-03-02-2").iterdir()):
        path.unlink()
    (own / "2026-03-02-2").rmdir()
    loaded = atlasplane.load(own)
    assert loaded.report(pdf=False) == [own / "report.html"]
    with pytest.raises(BadInput, match="two are needed"):
        loaded.compare()


def test_the_frame_has_one_row_an_observation(case: Path) -> None:
    loaded = atlasplane.load(case)
    frame = loaded.to_frame()
    assert tuple(frame.columns) == api.COLUMNS
    assert len(frame) == sum(len(visit.joint.observations) for visit in loaded.measure().visits)
    laterality = frame[(frame.quantity == "atlas_laterality") & (frame.moment == "pre")].iloc[0]
    found = loaded.measure().visits[0].joint.measurement("atlas_laterality")
    assert found is not None
    assert (laterality.value, laterality.u, laterality.unit) == (found.value, found.u, "deg")
    assert set(frame.case) == {"cli-case"}
    assert {"right", "left"} <= set(frame.site.dropna())
    assert all(isinstance(row["time"], datetime) and row["time"].tzinfo is not None for row in loaded.rows())


def test_an_empty_case_has_an_empty_frame(tmp_path: Path, go: Run) -> None:
    go("new", tmp_path / "case", "--pseudonym", "P-1")
    frame = atlasplane.load(tmp_path / "case").to_frame()
    assert tuple(frame.columns) == api.COLUMNS
    assert len(frame) == 0


def test_rows_are_plain(case: Path, tmp_path: Path) -> None:
    rows = list(atlasplane.load(case).rows())
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, api.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    assert json.loads(json.dumps(rows, default=str))[0]["kind"] == "measurement"


def test_every_kind_has_its_columns() -> None:
    filled: dict[type, set[str]] = {}
    for observed in five_kinds():
        row = observation_row(observed)
        filled.setdefault(type(observed), set()).update(
            key for key, value in row.items() if value is not None
        )
    assert "value" in filled[Measurement]
    assert {"value", "n", "exposure"} <= filled[Count]
    assert "level" in filled[Grade]
    assert "value" in filled[Category]
    assert not {"value", "u", "n", "level"} & filled[Pose]


def test_without_pandas_the_error_says_what_to_do(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    loaded = atlasplane.load(case)
    with pytest.raises(BadInput, match=r"needs pandas, which is not installed\. Install it .*rows\(\)"):
        loaded.to_frame()
    assert next(loaded.rows())["visit"] == "v1"


def test_why_a_quantity_is_not_measured(case: Path, tmp_path: Path) -> None:
    whole = atlasplane.load(case).measure()
    assert api.only_quantities(whole, ("atlas_laterality", "odontoid_offset")) == (
        "atlas_laterality",
        "odontoid_offset",
    )
    with pytest.raises(BadInput, match="Did you mean 'atlas_laterality'"):
        api.only_quantities(whole, ("atlas_lateralty",))
    with pytest.raises(BadInput, match=r"no quantity.*without --quantity"):
        api.only_quantities(whole, ("zzz",))
    own = copy_of(case, tmp_path / "case")
    for folder in ("2026-03-02", "2026-03-02-2"):
        toml = own / folder / "visit.toml"
        lines = toml.read_text(encoding="utf-8").splitlines()
        toml.write_text(
            "\n".join('calibration = { kind = "none" }' if s.startswith("calibration") else s for s in lines),
            encoding="utf-8",
        )
        change(toml, 'landmarks = "vertex.landmarks.json"\n', "")
    bare = atlasplane.load(own).measure()
    with pytest.raises(NoScale, match=r"2026-03-02/nasium\.png: odontoid_offset is a length"):
        api.only_quantities(bare, ("odontoid_offset",))
    with pytest.raises(BadInput, match=r"not measured in any visit\. Mark its landmarks: "):
        api.only_quantities(bare, ("atlas_rotation",))
    for folder in ("2026-03-02", "2026-03-02-2"):
        toml = own / folder / "visit.toml"
        toml.write_text(toml.read_text(encoding="utf-8").split("[[film]]")[0], encoding="utf-8")
    with pytest.raises(BadInput, match="read from a vertex film and the case has none"):
        api.only_quantities(atlasplane.load(own).measure(), ("atlas_rotation",))
