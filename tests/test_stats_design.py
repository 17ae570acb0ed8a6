"""Designs: their assignments counted against enumeration, numbered, admitted, drawn by seed, written down."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby, permutations, product
from math import comb, factorial

import numpy as np
import pytest

from atlasplane.stats.refusal import Duplicate, OutOfOrder, OutOfRange, TooFew, WrongShape
from atlasplane.stats.single_case.cases_design import CasesDesign, multiple_baseline
from atlasplane.stats.single_case.design import (
    AlternatingDesign,
    BlockDesign,
    ReversalDesign,
    SingleCaseDesign,
    StartDesign,
    ab_design,
)
from atlasplane.stats.single_case.plan import NotAPlan, drawn_plan, plan_from_plain
from atlasplane.stats.single_case.sequences import below, rank_of_seed, sequences, uniform_ranks


def runs(row: tuple[bool, ...]) -> list[tuple[bool, int]]:
    return [(label, len(list(run))) for label, run in groupby(row)]


def is_reversal(row: tuple[bool, ...]) -> bool:
    own = runs(row)
    return not row[0] and len(own) == 4 and min(length for _, length in own) >= 2


DESIGNS: list[tuple[SingleCaseDesign, object]] = [
    (
        ab_design(n_sessions=9, least_baseline=3, least_treatment=2),
        lambda row: sorted(row) == list(row) and 2 <= sum(row) <= 6,
    ),
    (ReversalDesign(n_sessions=11, least=(2, 2, 2, 2)), is_reversal),
    (
        AlternatingDesign(n_sessions=9, n_treated=4, longest_run=2),
        lambda row: sum(row) == 4 and max(length for _, length in runs(row)) <= 2,
    ),
    (
        BlockDesign(n_blocks=3, block_sessions=4),
        lambda row: all(sum(row[k : k + 4]) == 2 for k in (0, 4, 8)),
    ),
]


@pytest.mark.parametrize(("design", "allowed"), DESIGNS, ids=lambda part: type(part).__name__)
def test_assignments_are_those_that_a_search_of_all_sequences_finds(design, allowed) -> None:
    found = {row for row in product([False, True], repeat=design.n_sessions) if allowed(row)}
    assert design.n_assignments == len(found)
    assert design.smallest_possible_p == 1 / len(found)
    assert {tuple(row) for row in design.treated(np.arange(design.n_assignments)).tolist()} == found
    admitted = {
        row for row in product([False, True], repeat=design.n_sessions) if design.admits(np.array(row))
    }
    assert admitted == found
    assert not design.admits(np.array([False, True]))


def test_numbers_of_published_designs() -> None:
    # ABAB: C(n - 4 m + 3, 3) for n sessions and phases of at least m (Onghena 1992, Behav Assess 14:153).
    assert ReversalDesign(n_sessions=24, least=(4, 4, 4, 4)).n_assignments == comb(24 - 16 + 3, 3)
    # Fisher's eight cups, four of them milk first (1935, Design of Experiments, chapter 2).
    assert AlternatingDesign(n_sessions=8, n_treated=4, longest_run=8).n_assignments == 70
    # Darwin's fifteen pairs of plants (Fisher 1935, chapter 3).
    assert BlockDesign(n_blocks=15, block_sessions=2).n_assignments == 32768
    # A start in each of twenty sessions: p = 0.05 and no less.
    design = ab_design(n_sessions=29, least_baseline=5, least_treatment=5)
    assert (design.n_assignments, design.smallest_possible_p) == (20, 0.05)


def test_long_designs_are_counted_exactly_and_their_sequences_found() -> None:
    free = AlternatingDesign(n_sessions=100, n_treated=50, longest_run=100)
    assert free.n_assignments == comb(100, 50)
    last = free.treated(np.array([0, comb(100, 50) - 1], dtype=object))
    assert last[0].tolist() == [False] * 50 + [True] * 50
    assert last[1].tolist() == [True] * 50 + [False] * 50
    drawn = free.treated(uniform_ranks(free.n_assignments, 400, np.random.default_rng(1)))
    assert (drawn.sum(axis=1) == 50).all()
    # Each session is treated in half of the draws: SE of the mean of 400 is 0.025.
    assert np.abs(drawn.mean(axis=0) - 0.5).max() < 4 * 0.025


def test_sequences_swap_when_the_conditions_do() -> None:
    short = AlternatingDesign(n_sessions=9, n_treated=4, longest_run=2)
    mirrored = AlternatingDesign(n_sessions=9, n_treated=5, longest_run=2)
    assert short.n_assignments == mirrored.n_assignments
    assert all(mirrored.admits(~row) for row in short.treated(np.arange(short.n_assignments)))


def test_a_rule_without_sequences_has_none() -> None:
    none = sequences(3, first=0, after=lambda state, treated: None, complete=lambda state: True)
    assert none.count == 0
    assert not none.admits(np.zeros(3, dtype=bool))


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: StartDesign(n_sessions=5, starts=()), TooFew),
        (lambda: StartDesign(n_sessions=5, starts=(2, 2)), Duplicate),
        (lambda: StartDesign(n_sessions=5, starts=(3, 2)), OutOfOrder),
        (lambda: StartDesign(n_sessions=5, starts=(0, 2)), OutOfRange),
        (lambda: StartDesign(n_sessions=5, starts=(2, 5)), OutOfRange),
        (lambda: StartDesign(n_sessions=5, starts=(2.5, 3)), OutOfRange),
        (lambda: ReversalDesign(n_sessions=9, least=(3, 2.5)), OutOfRange),
        (lambda: ab_design(n_sessions=9, least_baseline=5, least_treatment=5), TooFew),
        (lambda: ReversalDesign(n_sessions=9, least=(3,)), TooFew),
        (lambda: ReversalDesign(n_sessions=9, least=(3, 0, 3)), OutOfRange),
        (lambda: ReversalDesign(n_sessions=9, least=(3, 3, 4)), TooFew),
        (lambda: AlternatingDesign(n_sessions=9, n_treated=0, longest_run=2), OutOfRange),
        (lambda: AlternatingDesign(n_sessions=9, n_treated=9, longest_run=9), OutOfRange),
        (lambda: AlternatingDesign(n_sessions=9, n_treated=2, longest_run=2), TooFew),
        (lambda: AlternatingDesign(n_sessions=9, n_treated=4, longest_run=0), TooFew),
        (lambda: BlockDesign(n_blocks=0, block_sessions=2), OutOfRange),
        (lambda: BlockDesign(n_blocks=2, block_sessions=3), OutOfRange),
        (lambda: multiple_baseline({"a": [3]}, n_sessions=9, least_stagger=0), TooFew),
        (lambda: multiple_baseline({"a": [3], "b": [4]}, n_sessions=9, least_stagger=-1), OutOfRange),
        (lambda: multiple_baseline({"a": [3], "b": [4]}, n_sessions=9, least_stagger=2), TooFew),
    ],
)
def test_impossible_designs_are_refused(make, refusal) -> None:
    with pytest.raises(refusal):
        make()


def test_cases_that_do_not_fit_their_designs_are_refused() -> None:
    start = StartDesign(n_sessions=6, starts=(2, 3))
    block = BlockDesign(n_blocks=3, block_sessions=2)
    with pytest.raises(Duplicate):
        CasesDesign(names=("a", "a"), designs=(start, start), least_stagger=0)
    with pytest.raises(WrongShape):
        CasesDesign(names=("a", "b"), designs=(start,), least_stagger=0)
    with pytest.raises(OutOfRange, match="only starts can lie apart"):
        CasesDesign(names=("a", "b"), designs=(start, block), least_stagger=1)


def test_cases_drawn_for_themselves_have_the_product_of_their_assignments() -> None:
    design = multiple_baseline(
        {"a": [4, 5, 6], "b": [6, 7, 8], "c": [8, 9, 10]}, n_sessions=14, least_stagger=0
    )
    assert (design.n_assignments, design.smallest_possible_p) == (27, 1 / 27)
    assert [design.case_ranks(rank) for rank in range(27)] == list(product(range(3), repeat=3))
    assert list(map(tuple, design.all_ranks().tolist())) == list(product(range(3), repeat=3))
    mixed = CasesDesign(
        names=("a", "b"),
        designs=(BlockDesign(n_blocks=2, block_sessions=2), StartDesign(n_sessions=6, starts=(2, 3, 4))),
        least_stagger=0,
    )
    assert mixed.n_assignments == 12


def test_staggered_starts_are_counted_against_enumeration() -> None:
    starts = {"a": [3, 5, 6], "b": [4, 6, 9], "c": [3, 8, 9, 11]}
    design = multiple_baseline(starts, n_sessions=14, least_stagger=2)
    wanted = {
        tuple(own.index(start) for own, start in zip(starts.values(), chosen, strict=True))
        for chosen in product(*starts.values())
        if min(np.diff(sorted(chosen))) >= 2
    }
    assert design.n_assignments == len(wanted)
    assert {design.case_ranks(rank) for rank in range(len(wanted))} == wanted
    assert set(map(tuple, design.all_ranks().tolist())) == wanted
    for chosen in product(*starts.values()):
        rows = [np.arange(14) >= start for start in chosen]
        assert design.admits(rows) == (min(np.diff(sorted(chosen))) >= 2)
    assert not design.admits([np.arange(14) >= 1] * 3)


def test_dealing_starts_out_to_the_cases_is_a_staggered_design() -> None:
    # Wampold & Worsham 1986: as many starts as cases, each used once; k! assignments.
    design = multiple_baseline({name: [4, 7, 10, 13] for name in "abcd"}, n_sessions=18, least_stagger=1)
    assert design.n_assignments == factorial(4)
    assert {design.case_ranks(rank) for rank in range(24)} == set(permutations(range(4)))


def test_ranks_are_uniform() -> None:
    counts = Counter(uniform_ranks(6, 6000, np.random.default_rng(3)).tolist())
    seeded = Counter(rank_of_seed(6, seed) for seed in range(6000))
    # SD of a count of 6000 / 6 is 28.9.
    for found in (counts, seeded):
        assert sorted(found) == list(range(6))
        assert max(abs(count - 1000) for count in found.values()) < 4 * 28.9


def test_numbers_beyond_the_count_are_drawn_again() -> None:
    numbers = iter([7, 5, 2])
    assert below(5, lambda: next(numbers)) == 2


def test_a_plan_follows_from_its_seed() -> None:
    design = ab_design(n_sessions=20, least_baseline=5, least_treatment=5)
    plan = drawn_plan(design, seed=5)
    # The stream of PCG64 is fixed, and so is what a seed draws: 13 baseline sessions.
    assert plan.phases == {"": "A" * 13 + "B" * 7}
    assert (plan.rank, plan.n_assignments, plan.smallest_possible_p) == (8, 11, 1 / 11)
    assert drawn_plan(design, seed=5) == plan
    assert len({drawn_plan(design, seed=seed).rank for seed in range(100)}) == 11


@pytest.mark.parametrize(
    "design",
    [own for own, _ in DESIGNS]
    + [
        multiple_baseline({"a": [4, 6], "b": [5, 8]}, n_sessions=12, least_stagger=1),
        AlternatingDesign(n_sessions=100, n_treated=50, longest_run=3),
    ],
    ids=lambda design: type(design).__name__,
)
def test_a_plan_is_written_down_and_read_back(design) -> None:
    plan = drawn_plan(design, seed=2024)
    written = json.loads(json.dumps(plan.plain()))
    assert plan_from_plain(written) == plan
    changed = {
        name: row[::-1].translate(str.maketrans("AB", "BA")) + "A" for name, row in plan.phases.items()
    }
    with pytest.raises(NotAPlan, match="draws other phases"):
        plan_from_plain({**written, "phases": changed})


def test_what_is_no_plan_is_refused() -> None:
    written = drawn_plan(StartDesign(n_sessions=6, starts=(2, 3)), seed=1).plain()
    with pytest.raises(NotAPlan, match="format"):
        plan_from_plain({**written, "format": "other/1"})
    with pytest.raises(NotAPlan, match="whole number"):
        plan_from_plain({**written, "seed": "1"})
    with pytest.raises(NotAPlan, match="lack"):
        plan_from_plain({"format": "single-case-plan/1"})
    with pytest.raises(NotAPlan):
        plan_from_plain({**written, "design": {**written["design"], "kind": "sometimes"}})
    with pytest.raises(OutOfRange):
        drawn_plan(StartDesign(n_sessions=6, starts=(2, 3)), seed=-1)


def test_numbers_of_sessions_and_seeds_are_whole_numbers() -> None:
    plain = ab_design(n_sessions=34, least_baseline=5, least_treatment=5)
    assert ab_design(n_sessions=34.0, least_baseline=5, least_treatment=5) == plain
    for wrong in ("34", 34.5, float("nan"), None):
        with pytest.raises(OutOfRange, match=f"n_sessions {wrong} is no whole number"):
            ab_design(n_sessions=wrong, least_baseline=5, least_treatment=5)
    with pytest.raises(OutOfRange, match=r"n_blocks 2\.5 is no whole number"):
        BlockDesign(n_blocks=2.5, block_sessions=2)
    with pytest.raises(OutOfRange, match="seed 'a' is no whole number"):
        drawn_plan(plain, seed="a")
