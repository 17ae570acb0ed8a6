"""Repeat readings: what they say of an observer, the file that keeps it, and the run that takes it."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from atlasplane import api
from atlasplane.chain.observer_study import ObserverStudy, case_folders, observer_study
from atlasplane.chain.observer_tables import observers_file
from atlasplane.chain.repeatability import bias, edge_scatter, scatter
from atlasplane.core.errors import BadInput
from atlasplane.io.observer_file import (
    OBSERVERS_FILE,
    find_observers,
    observers_text,
    read_observers,
    read_observers_table,
    write_observers,
)
from atlasplane.simulate.case import CaseHead, write_case
from atlasplane.sources.observer import ObserverPlacing
from tests.cli_cases import Run, copy_of, runner, simulated_visits

COV = np.array([[0.09, 0.03], [0.03, 0.04]])
"""mm squared, standing for an ellipse that leans to the upper right."""


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


# ---- estimators ----


def test_two_readings_give_the_within_subject_sd() -> None:
    # Differences 2, -4, 0: s_w = sqrt((4 + 16 + 0) / (2 x 3)).
    found = scatter([np.array([[1.0], [3.0]]), np.array([[5.0], [1.0]]), np.array([[2.0], [2.0]])])
    assert found is not None
    assert found.sd == pytest.approx(math.sqrt(20 / 6), rel=1e-12)
    assert (found.dof, found.groups) == (3, 3)
    assert found.mdc() == pytest.approx(stats.t.ppf(0.975, 3) * math.sqrt(2) * found.sd, rel=1e-12)


def test_any_number_of_readings_is_pooled_by_degrees_of_freedom() -> None:
    # Sums of squares 2 (dof 1) and 2 (dof 2); the single reading tells nothing.
    found = scatter([np.array([[0.0], [2.0]]), np.array([[1.0], [2.0], [3.0]]), np.array([[9.0]])])
    assert found is not None
    assert found.cov[0, 0] == pytest.approx(4 / 3, rel=1e-12)
    assert (found.dof, found.groups) == (3, 2)


def test_without_a_repeat_there_is_no_scatter() -> None:
    assert scatter([np.zeros((1, 2))]) is None
    assert edge_scatter([[np.zeros((4, 2))]]) is None


def test_the_covariance_is_unbiased() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(0, 50, (4000, 1, 2))
    placed = truth + rng.multivariate_normal(np.zeros(2), COV, (4000, 2))
    found = scatter(list(placed))
    assert found is not None
    # An entry's standard error is sqrt((S_ii S_jj + S_ij^2) / dof); three of them.
    error = 3 * np.sqrt((np.outer(np.diag(COV), np.diag(COV)) + COV**2) / found.dof)
    assert np.all(np.abs(found.cov - COV) < error)


def test_intervals_from_ten_repeats_cover_what_they_claim() -> None:
    """A mark's estimated covariance and its t, along one direction: many observers with ten films each."""
    rng = np.random.default_rng(6)
    draws, direction = 20_000, np.array([0.6, 0.8])
    pairs = rng.multivariate_normal(np.zeros(2), COV, (draws, 10, 2))
    estimated = [scatter(list(films)) for films in pairs]
    u = np.array([math.sqrt(direction @ found.cov @ direction) for found in estimated if found is not None])
    error = rng.multivariate_normal(np.zeros(2), COV, draws) @ direction
    covered = np.mean(np.abs(error) <= stats.t.ppf(0.975, 10) * u)
    # Four standard errors of a share of 0.95 over 20 000 draws.
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / draws))
    # With 1.96 in place of t it would fall short: the test can tell.
    assert np.mean(np.abs(error) <= 1.96 * u) < 0.93


@pytest.mark.parametrize("shift", [0.0, 0.5], ids=["same clicks", "between the clicks"])
def test_the_scatter_across_an_edge_is_unbiased(shift: float) -> None:
    rng = np.random.default_rng(7)
    sd, count = 0.2, 13
    along = 6.0 * np.arange(count)
    groups = [
        [np.column_stack([along + k * shift * 6.0, rng.normal(0, sd, count)]) for k in range(2)]
        for _ in range(1500)
    ]
    found = edge_scatter(groups)
    assert found is not None
    # Some 25 distances a trace, neighbours correlated: the relative error of the variance is near
    # sqrt(2 / (1500 x 13)) = 1 %, and four of them are allowed.
    assert found.cov[0, 0] == pytest.approx(sd**2, rel=0.04)
    assert found.dof == 1500


def test_a_trace_that_ends_early_is_compared_where_both_run() -> None:
    long = np.column_stack([np.arange(0.0, 50, 5), np.zeros(10)])
    short = np.column_stack([np.arange(20.0, 35, 5), np.full(3, 0.3)])
    found = edge_scatter([[long, short]])
    assert found is not None
    # Every distance is 0.3, between vertices that lie at the same places: sigma^2 = 0.3^2 / 2.
    assert found.cov[0, 0] == pytest.approx(0.045, rel=1e-9)


def test_bias_and_limits_are_those_of_bland_and_altman() -> None:
    first = [np.array([1.0]), np.array([2.0]), np.array([4.0])]
    second = [np.array([2.0]), np.array([2.5]), np.array([5.5])]
    found = bias(first, second)
    assert found is not None
    # Differences 1, 0.5, 1.5: mean 1, SD 0.5.
    assert found.mean == pytest.approx(1.0)
    half = stats.t.ppf(0.975, 2) * 0.5 / math.sqrt(3)
    assert found.interval == pytest.approx((1 - half, 1 + half))
    assert found.limits == pytest.approx((1 - 1.96 * 0.5, 1 + 1.96 * 0.5))


def test_limits_of_single_readings_do_not_shrink_with_repeats() -> None:
    rng = np.random.default_rng(8)
    level = rng.normal(0, 3, 20_000)
    sd = (0.3, 0.5)
    first = [each + rng.normal(0, sd[0], 2) for each in level]
    second = [each + 1.0 + rng.normal(0, sd[1], 3) for each in level]
    found = bias(first, second)
    assert found is not None
    wanted = 1.96 * math.hypot(*sd)
    # The standard error of a standard deviation over 20 000 films is 0.5 %; four of them.
    assert found.limits[1] - found.mean == pytest.approx(wanted, rel=0.02)


def test_one_film_tells_no_bias() -> None:
    assert bias([np.array([1.0])], [np.array([2.0])]) is None


# ---- a folder of cases ----

SD_PX = {"AA": 1.0, "BB": 2.0}
BIAS_PX = {"AA": 0.0, "BB": 3.0}
MM_PER_PX = 0.2
"""Pixels of the simulated clinic, mm on the film."""


def repeated_cases(root: Path, count: int, *, seed: int = 3, copies: bool = False) -> Path:
    """Cases of one visit: AA reads each film twice, BB once; `copies` makes the repeat the first again."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        grey = iter(range(1 + 10 * k, 10 + 10 * k))
        write_case(
            root / f"case-{k:02d}",
            CaseHead(id=f"case-{k}", pseudonym="SIM", seed=k, plan={}),
            simulated_visits()[:1],
            lambda film, grey=grey: np.full(film.setup.shape, next(grey), np.uint16),
        )
        for path in sorted((root / f"case-{k:02d}").rglob("*.landmarks.json")):
            _repeat(path, rng, copies=copies)
    return root


def _repeat(path: Path, rng: np.random.Generator, *, copies: bool) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    truth = content["readings"][0]
    readings: list[dict[str, object]] = []
    for n, who in enumerate(("AA", "AA", "BB")):
        if copies and n == 1:
            readings.append({**readings[0], "id": "r2"})
            continue
        points = {
            id_: {"at": rng.normal(np.add(point["at"], [BIAS_PX[who], 0]), SD_PX[who]).tolist()}
            for id_, point in truth["points"].items()
            if "at" in point
        }
        contours = {id_: rng.normal(at, SD_PX[who]).tolist() for id_, at in truth["contours"].items()}
        time = (datetime(2026, 3, 2, 10, tzinfo=UTC) + timedelta(hours=n)).isoformat()
        readings.append(
            {
                "id": f"r{n + 1}",
                "observer": who,
                "time": time,
                "tool": "test",
                "blinded": n > 0,
                "points": points,
                "contours": contours,
            }
        )
    content["readings"] = readings
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repeated_cases(tmp_path_factory.mktemp("clinic"), 10)


@pytest.fixture(scope="module")
def study(cases: Path) -> ObserverStudy:
    return observer_study(case_folders(cases))


def test_every_mark_gets_the_scatter_it_was_placed_with(study: ObserverStudy) -> None:
    first = next(each for each in study.observers if each.name == "AA")
    assert (first.cases, first.films, first.readings, first.used) == (10, 30, 60, True)
    assert len(first.landmarks) > 20
    # All marks together: the variance of one coordinate, of some 1000 degrees of freedom (4.5 SE: 20 %).
    pooled = np.concatenate([[each.scatter.cov[0, 0], each.scatter.cov[1, 1]] for each in first.landmarks])
    weights = np.repeat([each.scatter.dof for each in first.landmarks], 2)
    expected = (SD_PX["AA"] * MM_PER_PX) ** 2
    assert np.average(pooled, weights=weights) == pytest.approx(expected, rel=0.2)
    assert all(not each.why_default for each in first.landmarks)


def test_both_sides_of_a_pair_are_pooled(study: ObserverStudy) -> None:
    first = next(each for each in study.observers if each.name == "AA")
    by_id = {each.id: each for each in first.landmarks}
    assert by_id["TP"].scatter.dof == 20 and by_id["OD_BASE"].scatter.dof == 10
    assert (by_id["TP"].films, by_id["SKULL"].films) == (10, 10)


def test_bias_is_found_along_the_film_and_not_across(study: ObserverStudy) -> None:
    rows = {(row.id, row.axis): row.bias for row in study.bias if row.kind == "landmark"}
    found = rows["OD_BASE", 1]
    # The patient's right is on the image's left: 3 px to the right of the image are -0.6 mm.
    assert found.mean == pytest.approx(-BIAS_PX["BB"] * MM_PER_PX, abs=0.45)
    assert found.interval[1] < 0
    assert found.interval[0] < found.mean < found.interval[1]
    assert found.films == 10


def test_a_pair_shows_no_bias_that_its_sides_share(study: ObserverStudy) -> None:
    # Both sides move to the image's right; mirrored onto each other the two cancel.
    rows = {(row.id, row.axis): row.bias for row in study.bias if row.kind == "landmark"}
    low, high = rows["TP", 1].interval
    assert low < 0.3 and high > -0.3


def test_quantities_have_their_own_repeatability(study: ObserverStudy) -> None:
    first = next(each for each in study.observers if each.name == "AA")
    found = first.quantities["atlas_plane_tilt"]
    assert found.dof == 10
    # sqrt(2) sd / L with L about 53 mm on the film, within four standard errors of an SD of dof 10 (90 %).
    assert found.sd == pytest.approx(math.degrees(math.sqrt(2) * 0.2 / 53), rel=0.9)
    assert not any("_radius/" in key for key in first.quantities)


def test_an_observer_without_repeats_is_said_and_not_used(study: ObserverStudy) -> None:
    second = next(each for each in study.observers if each.name == "BB")
    assert (second.cases, second.used, second.landmarks) == (0, False, ())
    assert any(f.code == "observer.few_cases" and "BB" in f.text and f.limit == 10 for f in study.findings)


def test_fewer_cases_are_kept_as_evidence(tmp_path: Path) -> None:
    few = observer_study(case_folders(repeated_cases(tmp_path / "few", 3)))
    path = tmp_path / OBSERVERS_FILE
    write_observers(path, observers_file(few))
    read = read_observers(path)
    assert read.placings == {}
    assert {f.code for f in read.findings} == {"observer.not_used"}
    assert next(f for f in read.findings if " AA " in f.text).value == 3
    table = read_observers_table(path, name=path.name)
    assert table.observer[0].landmark["PL"].why_default is not None


@pytest.mark.slow
def test_a_copied_repeat_is_not_believed(tmp_path: Path) -> None:
    copied = observer_study(case_folders(repeated_cases(tmp_path / "copies", 10, copies=True)))
    first = next(each for each in copied.observers if each.name == "AA")
    assert {each.why_default for each in first.landmarks} == {"repeats agree beyond belief (copied?)"}
    write_observers(tmp_path / OBSERVERS_FILE, observers_file(copied))
    assert read_observers(tmp_path / OBSERVERS_FILE).placings["AA"].cov_mm2 == {}


def test_a_repeat_that_was_not_blind_is_said(tmp_path: Path) -> None:
    root = repeated_cases(tmp_path / "open", 1)
    for path in root.rglob("*.landmarks.json"):
        path.write_text(
            path.read_text(encoding="utf-8").replace('"blinded": true', '"blinded": false'), "utf-8"
        )
    found = next(f for f in observer_study(case_folders(root)).findings if f.code == "observer.not_blind")
    assert found.value == 3


def test_a_case_that_cannot_be_read_is_left_out_by_name(tmp_path: Path) -> None:
    root = repeated_cases(tmp_path / "mixed", 2)
    (root / "case-00" / "case.toml").write_text("nonsense", encoding="utf-8")
    found = observer_study(case_folders(root))
    assert found.cases == 1
    assert [f.file for f in found.findings if f.code == "observer.left_out"] == ["case-00"]


# ---- the data file ----


def test_the_file_is_read_as_it_was_written_and_always_the_same(study: ObserverStudy, tmp_path: Path) -> None:
    table = observers_file(study)
    path = tmp_path / OBSERVERS_FILE
    write_observers(path, table)
    again = read_observers_table(path, name=path.name)
    assert observers_text(again) == observers_text(table) == path.read_text(encoding="utf-8")
    assert {row.sha256 for row in again.source} == {film.sha256 for film in study.films}


def test_the_file_lies_beside_the_case_or_one_folder_above(study: ObserverStudy, tmp_path: Path) -> None:
    table = observers_file(study)
    case = tmp_path / "clinic" / "case"
    case.mkdir(parents=True)
    assert find_observers(case).placings == {}
    write_observers(case.parent / OBSERVERS_FILE, table)
    above = find_observers(case).placings["AA"]
    assert (above.file, above.n_cases) == ("../observers.toml", 10)
    assert "observer's own repeats" in above.provenance and above.sha256[:12] in above.provenance
    write_observers(case / OBSERVERS_FILE, table)
    assert find_observers(case).placings["AA"].file == "observers.toml"


def test_a_left_mark_takes_the_mirror_image() -> None:
    placing = ObserverPlacing(
        observer="AA", cov_mm2={"PL": COV}, dof={"PL": 20.0}, n_cases=10, file="f", sha256="0" * 64
    )
    right, left = placing.covariance("PL", mirrored=False), placing.covariance("PL", mirrored=True)
    assert right is not None and left is not None
    assert np.array_equal(right, COV)
    assert np.array_equal(left, [[0.09, -0.03], [-0.03, 0.04]])
    assert placing.covariance("TP", mirrored=False) is None


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("PL = {", "PLX = {", "unknown landmark 'PLX'"),
        ("dof = 20.0", "dof = -1.0", "dof"),
        ('name = "BB"', 'name = "AA"', "twice"),
        ("atlasplane.observers/1", "atlasplane.observers/9", "schema"),
    ],
)
def test_a_spoiled_file_is_refused_by_name(
    study: ObserverStudy, tmp_path: Path, old: str, new: str, what: str
) -> None:
    text = observers_text(observers_file(study))
    assert old in text
    (tmp_path / OBSERVERS_FILE).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        read_observers(tmp_path / OBSERVERS_FILE)
    assert what in f"{refused.value.what} {refused.value.remedy}"
    assert refused.value.file == OBSERVERS_FILE


def test_a_file_edited_by_hand_cannot_get_round_the_number_of_cases(
    study: ObserverStudy, tmp_path: Path
) -> None:
    text = observers_text(observers_file(study)).replace("cases = 10", "cases = 4", 1)
    (tmp_path / OBSERVERS_FILE).write_text(text, encoding="utf-8")
    assert read_observers(tmp_path / OBSERVERS_FILE).placings == {}


# ---- the command ----


def test_the_command_writes_the_file_that_it_prints(go: Run, cases: Path, tmp_path: Path) -> None:
    path = tmp_path / OBSERVERS_FILE
    document = go("observers", cases, "--write", path, "--json").document
    assert (document["cases"], document["file"]) == (10, str(path))
    written = read_observers_table(path, name="f").observer[0]
    # The command line's digits are those of the file.
    assert document["observer"][0]["landmark"]["PL"]["cov_mm2"] == [
        list(r) for r in written.landmark["PL"].cov_mm2
    ]


def test_the_command_s_table_says_what_stays_default(go: Run, cases: Path) -> None:
    shown = go("observers", cases / "case-00")
    assert shown.status == 0
    assert "AA: 1 cases" in shown.out and "default: 1 films of 10" in shown.out


def test_the_command_needs_cases(go: Run, tmp_path: Path) -> None:
    assert go("observers", tmp_path).status == 2


def test_the_next_run_takes_the_observer_s_own_errors_and_says_so(
    cases: Path, study: ObserverStudy, tmp_path: Path
) -> None:
    case = copy_of(cases / "case-00", tmp_path / "clinic" / "case")
    before = api.load(case).measure().visits[0].joint.measurement("atlas_plane_tilt")
    write_observers(case.parent / OBSERVERS_FILE, observers_file(study))
    after = api.load(case).measure().visits[0].joint.measurement("atlas_plane_tilt")
    assert before is not None and after is not None
    # The two observers of this film are weighted by their u, so the mean moves a little.
    assert before.u_film is not None
    assert after.value == pytest.approx(before.value, abs=before.u_film / 10)
    assert after.u_film != pytest.approx(before.u_film, rel=1e-3)
    assert math.isfinite(after.dof)
    said = " ".join(after.provenance.values())
    digest = hashlib.sha256((case.parent / OBSERVERS_FILE).read_bytes()).hexdigest()
    assert all(word in said for word in ("observer's own repeats", digest[:12], "10 cases"))
    assert "observer's own repeats" not in " ".join(before.provenance.values())
