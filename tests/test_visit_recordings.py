"""Recordings, scales and diary of a visit: from visit.toml to observations and changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from atlasplane import api
from atlasplane.chain.spasms_visit import RAW, palpated
from atlasplane.core.change import Change
from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Category, Count, Grade, Measurement
from atlasplane.io.case_folder import read_case
from atlasplane.io.toml_text import toml_text
from tests.bad_input.edf_files import edf_bytes
from tests.cli_cases import runner
from tests.recorded_cases import SPASMS, night_file
from tests.spasm_bench import LABEL, OTHER, QUIET, RATE_HZ, muscle

CHANNELS = [
    {"label": "TRAP L", "muscle": "trapezius_upper", "side": "left"},
    {"label": "TRAP R", "muscle": "trapezius_upper", "side": "right"},
]
DAYS = ("2026-03-02", "2026-03-09")


def case_of(root: Path, *visits: dict[str, Any], simulated: bool = True, **tables: str) -> Path:
    """A case with visits without films; each has the keys given. `tables` are files of the case's folder."""
    root.mkdir()
    head = {"schema": "atlasplane.case/1", "id": "c", "pseudonym": "P-1", "simulated": simulated}
    (root / "case.toml").write_text(toml_text(head), encoding="utf-8")
    for day, visit in zip(DAYS, visits, strict=False):
        folder = root / day
        folder.mkdir(exist_ok=True)
        known = {
            "schema": "atlasplane.visit/1",
            "id": f"v{DAYS.index(day) + 1}",
            "time": f"{day}T09:00:00+00:00",
            "phase": "baseline",
            "observer": "KR",
        }
        (folder / "visit.toml").write_text(toml_text(known | visit), encoding="utf-8")
    for name, text in tables.items():
        (root / f"{name}.csv").write_text(text, encoding="utf-8")
    return root


def recording(**more: Any) -> dict[str, Any]:
    return {"recording": [{"file": "night.edf", "kind": "semg", "channels": CHANNELS, **more}]}


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case whose second night has no spasm on the left."""
    root = case_of(tmp_path_factory.mktemp("nights") / "case", recording(), recording())
    night_file(root / DAYS[0])
    night_file(root / DAYS[1], events=())
    return root


def change_of(root: Path, key: str) -> Change:
    found = api.load(root).compare().change(key)
    assert found is not None
    return found


def test_visit_toml_says_all_that_is_known_of_a_recording(tmp_path: Path) -> None:
    stated = recording(
        quiet={"start_s": 0.0, "stop_s": 60.0},
        noise_uV={"TRAP L": 2.1},
        reference={"kind": "MVE", "file": "mve.edf", "start_s": 2.0, "stop_s": 5.0},
    )
    root = case_of(tmp_path / "case", stated)
    for name in ("night.edf", "mve.edf"):
        (root / DAYS[0] / name).write_bytes(b"x")
    found = read_case(root).visits[0].recordings[0]
    assert (found.file, found.path) == (f"{DAYS[0]}/night.edf", root / DAYS[0] / "night.edf")
    assert found.channels[1].label == "TRAP R" and found.channels[1].side == "right"
    assert found.quiet is not None and (found.quiet.start_s, found.quiet.stop_s, found.quiet.path) == (
        0,
        60,
        None,
    )
    assert found.reference is not None and found.reference.path == root / DAYS[0] / "mve.edf"
    assert found.reference_kind == "MVE" and found.noise_uV == {"TRAP L": 2.1}


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"quiet": {"start_s": 60.0, "stop_s": 10.0}}, "before it begins"),
        ({"quiet": {"start_s": 60.0}}, "lacks start_s or stop_s"),
        ({"quiet": {"file": "rest.edf"}}, "'rest.edf', which does not exist"),
        ({"channels": [CHANNELS[0], CHANNELS[0]]}, "'TRAP L' twice"),
        ({"channel_map": "night.edf"}, "channels and a channel_map"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, more: dict[str, Any], what: str) -> None:
    root = case_of(tmp_path / "case", recording(**more))
    (root / DAYS[0] / "night.edf").write_bytes(b"x")
    with pytest.raises(BadInput, match=what) as refused:
        read_case(root)
    assert refused.value.file == f"{DAYS[0]}/visit.toml"


def test_all_keys_that_a_visit_lacks_are_named_at_once(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", {})
    (root / DAYS[0] / "visit.toml").write_text('schema = "atlasplane.visit/1"\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"keys 'id', 'time', 'phase' are missing"):
        read_case(root)


def test_the_visit_of_the_guide_is_whole(tmp_path: Path) -> None:
    """The visit.toml of the guide can be copied as it stands, into the folder that it names."""
    guide = (Path(__file__).parents[1] / "docs" / "guide" / "spasm.md").read_text(encoding="utf-8")
    place, text = re.findall(r"`([\d-]+)/visit.toml`.*?```toml\n(.*?)```", guide, re.DOTALL)[0]
    root = case_of(tmp_path / "case", simulated=False)
    (root / place).mkdir()
    (root / place / "visit.toml").write_text(text, encoding="utf-8")
    (root / place / "night.edf").write_bytes(b"x")
    read = read_case(root)
    (visit,) = read.visits
    assert visit.recordings[0].channels[1].side == "right" and visit.recordings[0].quiet is not None
    assert "visit.folder_date" not in {finding.code for finding in read.findings}


def test_a_recording_becomes_observations_of_muscle_and_side(nights: Path) -> None:
    visit = api.load(nights).measure().visits[0]
    left = {o.quantity.id: o for o in visit.joint.observations if o.site and o.site.side == "left"}
    rate = left["spasm_rate"]
    assert isinstance(rate, Count) and rate.n == len(SPASMS)
    assert rate.key == "spasm_rate/trapezius_upper/left"
    assert rate.source == (f"{DAYS[0]}/night.edf",) and rate.observer == ("KR",)
    burden, raw, state = left["spasm_burden"], left[RAW], left["muscle_state"]
    assert isinstance(burden, Measurement) and burden.u is not None and burden.dof == 9
    assert isinstance(raw, Measurement) and raw.u is None
    assert isinstance(state, Category) and state.value == "active_spasm"
    right = visit.joint.measurement("clonus_frequency/trapezius_upper/right")
    assert right is not None and right.value == pytest.approx(5.0, abs=0.1)
    # One clonus has no scatter: its frequency is shown and not compared.
    assert right.u is None


def test_the_interval_of_an_observation_is_that_of_the_analysis(nights: Path) -> None:
    """Degrees of freedom and scale go along: a length is never negative."""
    visit = api.load(nights).measure().visits[0]
    (channel, _) = visit.recordings[0].analysis.channels
    for id_, found in (("spasm_duration", channel.mean_duration_s), ("spasm_burden", channel.burden_percent)):
        measured = visit.joint.measurement(f"{id_}/trapezius_upper/left")
        assert measured is not None and found is not None and found.interval is not None
        own = measured.interval()
        assert own is not None and own.low is not None and own.low > 0
        assert (measured.value, measured.u, measured.dof) == (found.value, found.u, found.dof)
        assert (own.low, own.high) == pytest.approx((found.interval.low, found.interval.high))
    # Three spasms, and two that the prior counts for.
    duration = visit.joint.measurement("spasm_duration/trapezius_upper/left")
    assert duration is not None and duration.dof == len(SPASMS) - 1 + 2


def test_a_change_is_judged_and_raw_microvolts_are_not_compared(nights: Path) -> None:
    rate = change_of(nights, "spasm_rate/trapezius_upper/left")
    assert rate.value is not None and rate.value < 0
    assert isinstance(rate.post, Count) and rate.post.n == 0
    assert change_of(nights, "spasm_burden/trapezius_upper/left").distinguishable is None
    assert api.load(nights).compare().change(f"{RAW}/trapezius_upper/left") is None


def test_measure_prints_json_that_its_schema_takes(nights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(capsys)
    document = run("measure", nights, "--json").document
    sites = {
        (o["quantity"], o["site"]["structure"], o["site"]["side"])
        for o in document["visits"][0]["observations"]
    }
    assert {("spasm_rate", "trapezius_upper", "left"), ("spasm_burden", "trapezius_upper", "right")} <= sites
    changes = run("compare", nights, "--json").document["changes"]
    assert any(c["quantity"] == "spasm_rate" and c["kind"] == "count" for c in changes)
    told = run("measure", nights, "-q", "spasm_rate")
    # A narrow window breaks the cells of a table.
    assert "trapezius" in told.out
    assert run("check", nights).status == 0


def test_a_recording_that_cannot_be_measured_is_a_finding_and_the_rest_stands(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", recording(), recording())
    (root / DAYS[0] / "night.edf").write_bytes(b"no recording")
    night_file(root / DAYS[1], quiet=())
    measured = api.load(root).measure()
    found = [f for f in measured.findings if f.code == "spasm.not_measured"]
    assert [f.file for f in found] == [f"{day}/night.edf" for day in DAYS]
    assert "--quiet" in found[1].text
    assert not any(visit.recordings for visit in measured.visits)


def test_stated_rest_of_visit_toml_is_used(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", recording(noise_uV={"TRAP L": 2.0, "TRAP R": 2.0}))
    night_file(root / DAYS[0], quiet=())
    visit = api.load(root).measure().visits[0]
    assert {c.baseline.source for c in visit.recordings[0].analysis.channels} == {"noise"}


def test_a_channel_map_beside_the_recording_is_used(tmp_path: Path) -> None:
    stated = {"recording": [{"file": "night.edf", "kind": "semg", "channel_map": "map.toml"}]}
    root = case_of(tmp_path / "case", stated)
    night_file(root / DAYS[0])
    table = {"schema": "atlasplane.channels/1", "channels": CHANNELS}
    (root / DAYS[0] / "map.toml").write_text(toml_text(table), encoding="utf-8")
    visit = api.load(root).measure().visits[0]
    assert [c.side for c in visit.recordings[0].analysis.channels] == ["left", "right"]


def test_recordings_of_other_kinds_are_kept_and_not_analysed(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", {"recording": [{"file": "imu.csv", "kind": "imu"}]})
    (root / DAYS[0] / "imu.csv").write_bytes(b"x")
    measured = api.load(root).measure()
    assert not measured.visits[0].recordings and not measured.findings


def test_what_the_hand_found_by_muscle_and_side() -> None:
    exam = {"palpation": {"trapezius_upper": {"right": "tight", "left": "soft"}, "splenius": "tight"}}
    assert palpated(exam) == {("trapezius_upper", "right"): True, ("trapezius_upper", "left"): False}
    assert palpated({}) == {}


def test_a_tight_muscle_without_activity_is_told_apart(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", recording() | {"exam": {"file": "exam.toml"}})
    night_file(root / DAYS[0], events=())
    exam = {
        "schema": "atlasplane.exam/1",
        "palpation": {"trapezius_upper": {"left": "tight", "right": "soft"}},
    }
    (root / DAYS[0] / "exam.toml").write_text(toml_text(exam), encoding="utf-8")
    joint = api.load(root).measure().visits[0].joint
    states = [joint.get(f"muscle_state/trapezius_upper/{side}") for side in ("left", "right")]
    assert [state.value for state in states if isinstance(state, Category)] == ["silent_tightness", "quiet"]


def test_amplitudes_of_a_recording_in_steps_are_in_no_observation(tmp_path: Path) -> None:
    """Rate and burden stand; strength and threshold would be steps of a converter called microvolts."""
    root = case_of(tmp_path / "case", {"recording": [{"file": "night.edf", "kind": "semg"}]})
    samples = {LABEL: muscle(), OTHER: muscle(seed=8)}
    stored = edf_bytes(samples, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")], unit="")
    (root / DAYS[0] / "night.edf").write_bytes(stored)
    (visit,) = api.load(root).measure().visits
    observed = visit.joint.observations
    assert {"spasm_rate", "spasm_burden"} <= {one.quantity.id for one in observed}
    assert all(one.quantity.unit != "uV" for one in observed)
    assert all("threshold_uV" not in one.provenance for one in observed)
    assert "recording.raw" in [finding.code for finding in visit.alignment.findings]


def both(*names: str) -> dict[str, Any]:
    """Recordings of a visit, each of both muscles."""
    return {"recording": [{"file": name, "kind": "semg", "channels": CHANNELS} for name in names]}


def test_two_recordings_of_one_muscle_are_told_apart_and_find_their_own_of_another_day(
    tmp_path: Path,
) -> None:
    names = ("night.edf", "clinic.edf")
    root = case_of(tmp_path / "case", both(*names), both(*names[::-1]))
    for day in DAYS:
        night_file(root / day)
        night_file(root / day, "clinic.edf", events=())
    case = api.load(root)
    pre, post = (visit.joint for visit in case.measure().visits)
    keys = [o.key for o in pre.observations]
    assert len(set(keys)) == len(keys)
    key = "spasm_burden/trapezius_upper/left@"
    burdens = [joint.measurement(key + name) for joint in (pre, post) for name in names]
    assert [burden is not None and burden.value > 0 for burden in burdens] == [True, False] * 2
    assert pre.get("spasm_burden/trapezius_upper/left") is None
    changes = [change for change in pre.compare(post) if change.pre.key.startswith(key)]
    assert [change.value for change in changes] == [0.0, 0.0]


def test_two_channels_of_one_muscle_and_side_are_told_apart(tmp_path: Path) -> None:
    stated = recording()
    stated["recording"][0]["channels"] = [{**each, "side": "left"} for each in CHANNELS]
    root = case_of(tmp_path / "case", stated)
    night_file(root / DAYS[0])
    joint = api.load(root).measure().visits[0].joint
    found = [o.condition for o in joint.observations if o.quantity.id == "muscle_state"]
    assert found == ["TRAP L", "TRAP R"]


def test_a_recording_that_cannot_be_measured_keeps_its_place(tmp_path: Path) -> None:
    """The other one must not be taken for the only one: it would be compared with another of another day."""
    root = case_of(tmp_path / "case", both("night.edf", "clinic.edf"))
    night_file(root / DAYS[0])
    (root / DAYS[0] / "clinic.edf").write_bytes(b"no recording")
    joint = api.load(root).measure().visits[0].joint
    assert {o.condition for o in joint.observations} == {"night.edf"}


def test_channels_without_a_muscle_keep_their_labels(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", {"recording": [{"file": "night.edf", "kind": "semg"}]})
    samples = {LABEL: muscle(), OTHER: muscle(seed=8)}
    stored = edf_bytes(samples, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")])
    (root / DAYS[0] / "night.edf").write_bytes(stored)
    joint = api.load(root).measure().visits[0].joint
    for quantity in ("spasm_burden", "muscle_state"):
        found = [o.key for o in joint.observations if o.quantity.id == quantity]
        assert found == [f"{quantity}/{LABEL}", f"{quantity}/{OTHER}"]


# ---- what is told ----


def answers(instrument: str, **given: int | None) -> str:
    body = ", ".join(f'"{key}": {"null" if v is None else v}' for key, v in given.items())
    return (
        f'{{"schema": "atlasplane.responses/1", "instrument": "{instrument}", '
        f'"time": "2026-03-02T09:00:00Z", "answers": {{{body}}}}}'
    )


def told_case(root: Path, text: str) -> Path:
    case = case_of(root, {"responses": [{"file": "a.json"}]})
    (case / DAYS[0] / "a.json").write_text(text, encoding="utf-8")
    return case


@pytest.mark.parametrize(
    "text",
    [
        answers("penn", **{"1": 2, "2": 1}),
        answers("spasm", penn_frequency=2, penn_severity=1, something=None),
    ],
)
def test_answers_to_a_scale_become_grades(tmp_path: Path, text: str) -> None:
    joint = api.load(told_case(tmp_path / "case", text)).measure().visits[0].joint
    found = {o.quantity.id: o.level for o in joint.observations if isinstance(o, Grade)}
    assert found == {"penn_frequency": 2, "penn_severity": 1}


def test_severity_is_refused_where_there_are_no_spasms(tmp_path: Path) -> None:
    """Acceptance (iii)."""
    root = told_case(tmp_path / "case", answers("penn", **{"1": 0, "2": 2}))
    with pytest.raises(BadInput, match="penn_severity") as refused:
        api.load(root).measure()
    assert refused.value.file == f"{DAYS[0]}/a.json"


def test_answers_to_other_instruments_say_nothing_of_spasm(tmp_path: Path) -> None:
    joint = api.load(told_case(tmp_path / "case", answers("ndi", **{"1": 2}))).measure().visits[0].joint
    assert not joint.observations


DIARY = """date,spasms,minutes,nrs
2026-03-01,4,10,5
2026-03-02,2,4,3
2026-03-04,1,,2
2026-03-09,0,0,0
2026-04-01,9,9,9
"""


def test_days_of_the_diary_belong_to_the_visit_that_ends_them(tmp_path: Path) -> None:
    root = case_of(tmp_path / "case", {}, {}, diary=DIARY)
    first, second = (v.joint for v in api.load(root).measure().visits)
    counts = [joint.get("diary_spasms") for joint in (first, second)]
    assert [(c.n, c.exposure) for c in counts if isinstance(c, Count)] == [(6, 2.0), (1, 2.0)]
    minutes = second.measurement("diary_minutes")
    assert minutes is not None and minutes.value == 0.0


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2026-03-01,2.5,,", "row 2: spasms is '2.5'"),
        ("2026-03-01,x,,", "row 2: spasms is 'x'"),
        ("2026-03-01,nan,,", "row 2: spasms is 'nan'"),
        ("2026-03-01,inf,,", "row 2: spasms is 'inf'"),
        ("2026-03-01,,nan,", "row 2: minutes is 'nan'"),
        ("1 March,2,,", "'1 March' is no date"),
        ("2026-03-01,0,5,", "no spasm"),
    ],
)
def test_a_diary_that_cannot_be_is_refused(tmp_path: Path, row: str, what: str) -> None:
    root = case_of(tmp_path / "case", {}, diary=f"date,spasms,minutes,nrs\n{row}\n")
    with pytest.raises(BadInput, match=what):
        api.load(root).measure()
