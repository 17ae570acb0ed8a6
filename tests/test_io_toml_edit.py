"""Changing keys of one table: every other byte of the text stays."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.errors import BadInput
from atlasplane.io.toml_edit import with_keys

TEXT = '''# head of the file
schema = "a/1"   # which

[[film]]  # the first
file = "a.png" # its name
# about the marker
marker = "R"  # seen
names = [
  "x", # one
  "y",
]

[film.technique]
sid_mm = 1067 # by tape

# the second
[[film]]
file = "b.png"
note = """
[[film]]
file = "c.png"
"""
calibration.kind = "none"
calibration.u_rel = 0.5

[exam]
file = "e.toml"  # exam
'''


def edited(index: int, **changes: object) -> str:
    return with_keys(TEXT, "film", index, changes, name="visit.toml")


def test_a_new_key_goes_behind_the_entry_s_own() -> None:
    added = 'landmarks = "a.json"\n'
    assert edited(0, landmarks="a.json") == TEXT.replace('  "y",\n]\n', f'  "y",\n]\n{added}')
    assert edited(1, landmarks="a.json") == TEXT.replace("u_rel = 0.5\n", f"u_rel = 0.5\n{added}")


def test_a_changed_key_loses_only_its_own_comment() -> None:
    found = edited(0, marker="L")
    assert 'marker = "R"' not in found and "# about the marker\n" in found
    assert found == TEXT.replace('marker = "R"  # seen\n', "").replace('"y",\n]\n', '"y",\n]\nmarker = "L"\n')


def test_a_key_of_several_lines_is_taken_whole() -> None:
    assert edited(0, names=None) == TEXT.replace('names = [\n  "x", # one\n  "y",\n]\n', "")
    assert tomllib.loads(edited(1, note="short"))["film"][1]["note"] == "short"


def test_a_table_below_and_dotted_keys_are_replaced() -> None:
    found = edited(0, technique={"sid_mm": 1830.0, "sod_mm": 1580.0})
    assert "[film.technique]" not in found and "technique = { sid_mm = 1830.0, sod_mm = 1580.0 }\n" in found
    assert "# the second\n" in found
    second = edited(1, calibration={"kind": "sid_sod", "mm_per_px": [0.1, 0.1]})
    assert tomllib.loads(second)["film"][1]["calibration"] == {"kind": "sid_sod", "mm_per_px": [0.1, 0.1]}


def test_line_ends_stay() -> None:
    windows = TEXT.replace("\n", "\r\n")
    found = with_keys(windows, "film", 0, {"landmarks": "a.json"}, name="v")
    assert found == edited(0, landmarks="a.json").replace("\n", "\r\n")
    assert with_keys('[[film]]\nfile = "a"', "film", 0, {"n": 1}, name="v") == '[[film]]\nfile = "a"\nn = 1\n'
    assert with_keys('[[film]]\r\nfile = "a"', "film", 0, {"n": 1}, name="v").endswith('"a"\r\nn = 1\r\n')


@pytest.mark.parametrize("text", ['film = [{ file = "a" }]\n', 'schema = "a/1"\n', '[film]\nfile = "a"\n'])
def test_an_entry_that_is_no_table_of_its_own_is_an_error(text: str) -> None:
    with pytest.raises(BadInput, match=r"\[\[film\]\]"):
        with_keys(text, "film", 0, {"n": 1}, name="visit.toml")


VALUES = st.one_of(
    st.none(), st.text(max_size=8), st.integers(), st.booleans(), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["k", "l"]), st.integers(), min_size=1),
)  # fmt: skip


@given(
    index=st.integers(0, 1),
    changes=st.dictionaries(st.sampled_from(["marker", "names", "note", "calibration", "new"]), VALUES),
)
def test_nothing_else_changes(index: int, changes: dict[str, object]) -> None:
    before = tomllib.loads(TEXT)
    for key, value in changes.items():
        before["film"][index].pop(key, None)
        if value is not None:
            before["film"][index][key] = value
    found = edited(index, **changes)
    assert tomllib.loads(found) == before
    whole_lines = [line for line in TEXT.splitlines() if line.startswith("#")]
    assert [line for line in found.splitlines() if line.startswith("#")] == whole_lines
