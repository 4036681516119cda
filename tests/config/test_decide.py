"""The sequential test errs as rarely as it says, by exact counting and by simulation, and stops early."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from pytest_newscreator.measure.decide.boundaries import (
    ALPHAS,
    FILE,
    HORIZONS,
    SHIPPED,
    Boundary,
    Rule,
    boundary,
    computed,
    crossing,
)
from pytest_newscreator.measure.decide.sequential import Limit, Plan, decide, decide_rate, least_requests

HALF = Fraction(1, 2)
ONE_PERCENT = Fraction(1, 100)


def proven(limits: Boundary, good: float, most: int) -> float:
    """Return the probability to prove the claim within `most` requests, by dynamic programming over bad ones."""
    alive, crossed = np.array([1.0]), 0.0
    for request in range(1, most + 1):
        alive = np.append(alive * good, 0.0) + np.append(0.0, alive * (1 - good))
        allowed = limits.allowed(request)
        crossed += float(alive[: allowed + 1].sum())
        alive[: allowed + 1] = 0.0
    return crossed


def steps(limits: Boundary, count: int) -> str:
    """Return the first steps as `request:bad`."""
    return " ".join(f"{at}:{bad}" for at, bad in list(zip(limits.at, limits.bad, strict=True))[:count])


@pytest.mark.parametrize(
    ("rule", "alpha", "expected"),
    [
        ("exact", "1/20", "5:0 9:1 12:2 17:3 22:4 28:5 34:6 39:7 44:8 50:9 55:10 60:11"),
        ("exact", "1/100", "7:0 12:1 17:2 24:3 28:4 36:5 40:6 47:7 54:8"),
        ("exact", "1/1000", "10:0 19:1 25:2 33:3 38:4 43:5 48:6 53:7 60:8"),
        ("anytime", "1/20", "7:0 11:1 14:2 17:3 20:4 23:5 26:6 29:7 32:8 35:9 37:10 40:11"),
        ("anytime", "1/100", "9:0 14:1 17:2 21:3 24:4 27:5 30:6 33:7 36:8 39:9 42:10 44:11"),
        ("anytime", "1/1000", "13:0 18:1 22:2 25:3 29:4 32:5 35:6 38:7 41:8"),
    ],
)
def test_the_boundaries_of_a_median_are_the_known_ones(rule: Rule, alpha: str, expected: str) -> None:
    """Path counting and the mixture, as they were worked out elsewhere."""
    assert steps(boundary(HALF, Fraction(alpha), rule), expected.count(":")) == expected


@pytest.mark.parametrize("alpha", ALPHAS, ids=str)
@pytest.mark.parametrize("share", [HALF, Fraction(1, 20)], ids=str)
@pytest.mark.parametrize("rule", ["exact", "anytime"])
def test_the_tables_that_ship_are_what_the_formulas_give(rule: Rule, share: Fraction, alpha: Fraction) -> None:
    """`python -m pytest_newscreator.measure.decide.boundaries` writes the file."""
    short = computed(share, alpha, rule, 100)
    kept = boundary(share, alpha, rule)
    assert (kept.at[: len(short.at)], kept.bad[: len(short.bad)]) == (short.at, short.bad)


def test_every_table_that_is_named_ships() -> None:
    """A table that is computed when it is asked for would cost a second in the middle of a run."""
    text = FILE.read_text(encoding="utf-8")
    assert text.count('"rule"') == len(SHIPPED)
    assert {boundary(share, alpha, rule).most for rule, share, alpha in SHIPPED} <= set(HORIZONS.values())


@pytest.mark.parametrize(("rule", "share", "alpha"), SHIPPED, ids=str)
def test_no_boundary_is_crossed_wrongly_more_often_than_it_says(rule: Rule, share: Fraction, alpha: Fraction) -> None:
    """Exactly at the null hypothesis, where it is most likely, and to the end of the table."""
    limits = boundary(share, alpha, rule)
    assert 0 < proven(limits, float(share), limits.most) <= float(alpha) * (1 + 1e-9)


def test_the_counting_is_exact() -> None:
    """The same in fractions: at 1 % not a path too many, and the next step would be one."""
    limits = boundary(HALF, ONE_PERCENT)
    spent = crossing(limits, HALF, 60)
    assert spent <= ONE_PERCENT
    assert float(spent) == pytest.approx(proven(limits, 0.5, 60), rel=1e-12)
    eager = Boundary(HALF, ONE_PERCENT, "exact", 60, (6, *limits.at[1:]), limits.bad)
    assert crossing(eager, HALF, 60) > ONE_PERCENT


@pytest.mark.parametrize("rule", ["exact", "anytime"])
def test_the_error_rates_hold_in_simulation(rule: Rule) -> None:
    """4,000 runs with the median just beyond the limit: wrong passes stay under 1 %, and the mirror likewise."""
    random = np.random.default_rng(20261124)
    plan = Plan(ONE_PERCENT, 60, rule)
    times = random.lognormal(math.log(2.0), 0.4, (4000, 60))
    wrong_passes = sum(decide(run, Limit(1.999), plan).verdict == "pass" for run in times)
    wrong_fails = sum(decide(run, Limit(2.001), plan).verdict == "fail" for run in times)
    margin = 3 * math.sqrt(4000 * 0.01 * 0.99)
    assert max(wrong_passes, wrong_fails) <= 40 + margin
    assert wrong_passes + wrong_fails > 0


def test_a_clear_case_takes_seven_requests_and_a_wrong_one_too() -> None:
    """Seven at 1 %: no test that assumes nothing can do with fewer."""
    passed, failed = decide([0.3] * 100, Limit(2.0)), decide([3.1] * 100, Limit(2.0))
    assert (passed.verdict, passed.requests, passed.beyond, passed.allowed) == ("pass", 7, 0, 0)
    assert (failed.verdict, failed.requests, failed.beyond) == ("fail", 7, 7)
    assert least_requests(HALF) == 7


def test_what_lies_on_the_limit_stays_open_and_says_how_much_is_missing() -> None:
    """Every other request beyond it: 60 requests do not decide, and none beyond the plan are looked at."""
    figures = [1.0, 3.0] * 50
    decision = decide(figures, Limit(2.0))
    assert (decision.verdict, decision.requests, decision.beyond, decision.missing) == ("inconclusive", 60, 30, None)
    early = decide(figures[:4], Limit(2.0))
    assert (early.verdict, early.missing) == ("inconclusive", 13)
    assert decide(figures[:4] + [1.0] * 13, Limit(2.0)).verdict == "pass"
    assert decide(figures[:4] + [1.0] * 12, Limit(2.0)).verdict == "inconclusive"


def test_a_rate_is_a_floor_and_the_limit_itself_keeps_it() -> None:
    """`at least 40 tok/s` and `at most 2 s` both hold at the very figure."""
    assert decide([40.0] * 7, Limit(40.0, is_floor=True)).verdict == "pass"
    assert decide([2.0] * 7, Limit(2.0)).verdict == "pass"
    assert decide([39.9] * 7, Limit(40.0, is_floor=True)).verdict == "fail"


def test_a_request_that_failed_counts_against_the_limit_and_no_number_is_refused() -> None:
    """An answer that never came is infinitely late; a void figure must not be judged at all."""
    assert decide([math.inf] * 7, Limit(2.0)).verdict == "fail"
    with pytest.raises(ValueError, match="no number"):
        decide([math.nan], Limit(2.0))


def test_the_rollback_trigger_is_the_same_test_at_its_own_limit() -> None:
    """Between target and trigger: the target is missed, and nothing is rolled back."""
    between = [2.5] * 20
    assert decide(between, Limit(2.0)).verdict == "fail"
    assert decide(between, Limit(3.0)).verdict == "pass"
    assert decide([3.5] * 20, Limit(3.0)).verdict == "fail"


def test_a_rate_of_accidents_is_proven_by_few_and_excluded_only_by_many() -> None:
    """More than 5 % out of memory: two of two at 1 % and 90 without one for less."""
    five = Fraction(5, 100)
    long = Plan(ONE_PERCENT, 200)
    calm = decide_rate([False] * 200, five, long)
    assert (calm.verdict, calm.requests) == ("pass", 90)
    broken = decide_rate([False, True] * 10, five, long)
    assert broken.verdict == "fail"
    assert broken.requests <= 10
    assert decide_rate([False] * 89, five, long).verdict == "inconclusive"


def test_the_mirror_about_few_is_still_open_after_its_first_requests() -> None:
    """The greedy rule spends 1 % of 10 % in two requests and is blind afterwards; the plan takes the other one."""
    tenth = Fraction(1, 10)
    assert computed(tenth, ONE_PERCENT, "exact", 100).at == (2,)
    slow = [1.0, *[3.0] * 30]
    assert decide(slow, Limit(2.0, Fraction(9, 10)), Plan(most=100)).verdict == "fail"


@pytest.mark.parametrize(("share", "alpha"), [(0, "0.01"), (1, "0.01"), ("0.5", 0), ("0.5", 1)])
def test_shares_and_error_rates_lie_between_nothing_and_all(share: int | str, alpha: int | str) -> None:
    """An error rate of nought is no test."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        boundary(Fraction(share), Fraction(alpha))
