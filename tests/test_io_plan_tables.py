"""The user's own height chart and type table: read as written, refused where a cell cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlasplane.core.errors import BadInput
from atlasplane.io.models import PlanTable
from atlasplane.io.plan_tables import plan_choice, read_height_table, read_type_table
from atlasplane.plan.classification import TypeRule
from atlasplane.plan.height import TableHeight
from atlasplane.sources.case import PlanChoice

HEIGHT = (
    "component,value,inches\natlas_laterality,4,2.5\natlas_laterality,0,0\ncondylar_radius/right, 40 ,1\n"
)
TYPES = "name,upper,lower,plane,neck\nType I,right,right,,\nII,left,zero,right,left\n"


def written(tmp_path: Path, text: str, name: str = "chart.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_chart_is_sorted_by_value(tmp_path: Path) -> None:
    rows = read_height_table(written(tmp_path, HEIGHT))
    assert rows == {"atlas_laterality": ((0.0, 0.0), (4.0, 2.5)), "condylar_radius/right": ((40.0, 1.0),)}
    height = TableHeight(rows={"atlas_laterality": rows["atlas_laterality"]})
    assert height.height_in({"atlas_laterality": 2.0}, side="right", lever_in=3.0) == 1.25


def test_a_spreadsheet_s_marks_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_bytes(b"\xef\xbb\xbf" + HEIGHT.replace("\n", "\r\n").encode())
    assert set(read_height_table(path)) == {"atlas_laterality", "condylar_radius/right"}


def test_types_become_rules(tmp_path: Path) -> None:
    types = read_type_table(written(tmp_path, TYPES))
    assert types[0] == {"name": "Type I", "upper": "right", "lower": "right"}
    assert [TypeRule(**rule).name for rule in types] == ["Type I", "II"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("component,value\natlas_laterality,1\n", "has the columns component, value"),
        ("component,value,inches\n", "holds no line"),
        (
            HEIGHT + "atlas_lateralty,1,1\n",
            r"line 5: 'atlas_lateralty' is no quantity. Did you mean 'atlas_lat",
        ),
        (HEIGHT + "??,1,1\n", "is no quantity. Use ids"),
        (HEIGHT + "condylar_radius/rigth,1,1\n", "line 5: 'rigth' is no side"),
        (HEIGHT + "atlas_laterality,x,1\n", "line 5: 'x' is no number"),
        (HEIGHT + "atlas_laterality,nan,1\n", "line 5: 'nan' is no number"),
        (HEIGHT + "atlas_laterality,1,inf\n", "'inf' is no number"),
        (HEIGHT + "atlas_laterality,1\n", "line 5 has not 3 cells"),
        (HEIGHT + "atlas_laterality,1,5,2\n", "line 5 has not 3 cells"),
        (HEIGHT + "atlas_laterality,4.0,9\n", "line 5: atlas_laterality = 4 stands in the chart twice"),
        (HEIGHT + '"atlas_laterality,4\n', "is not valid CSV"),
    ],
)
def test_a_chart_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(BadInput, match=rf"chart\.csv: .*{what}"):
        read_height_table(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name,upper\nI,right\n", "has the columns name, upper"),
        (TYPES + ",right,right,,\n", "line 4 names no type"),
        (TYPES + "III,both,,,\n", "line 4: upper = 'both'"),
        (TYPES + "III,right\n", "line 4 has not 5 cells"),
    ],
)
def test_a_type_table_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(BadInput, match=rf"chart\.csv: .*{what}"):
        read_type_table(written(tmp_path, text))


def test_the_plan_of_a_case(tmp_path: Path) -> None:
    assert plan_choice(tmp_path, None) == PlanChoice()
    written(tmp_path, HEIGHT, "height.csv")
    written(tmp_path, TYPES, "types.csv")
    table = PlanTable(height="table", height_table="height.csv", types_table="types.csv", lever_in=4.0)
    choice = plan_choice(tmp_path, table)
    assert choice.height == "table" and "atlas_laterality" in choice.height_table
    assert len(choice.types) == 2 and choice.lever_in == 4.0
    with pytest.raises(BadInput, match=r"case\.toml: .*height_table is missing"):
        plan_choice(tmp_path, PlanTable(height="table"))
    with pytest.raises(BadInput, match=r"gone\.csv: does not exist"):
        plan_choice(tmp_path, PlanTable(height="table", height_table="gone.csv"))
