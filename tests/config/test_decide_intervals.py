"""Intervals of quantiles and ratios cover the truth as often as they say, whatever the distribution."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from pytest_newscreator.measure.decide.quantiles import fewest, interval, quantile, ranks
from pytest_newscreator.measure.decide.ratios import _rank, _rank_sums, is_worse, ratio

HALF, NINETY, NINETY_NINE = Fraction(1, 2), Fraction(9, 10), Fraction(99, 100)
C95 = Fraction(95, 100)


@pytest.mark.parametrize(
    ("level", "n", "expected"),
    [
        *[(HALF, n, r) for n, r in {10: (2, 9), 20: (6, 15), 30: (10, 21), 50: (18, 33), 100: (40, 61)}.items()],
        *[(NINETY, n, r) for n, r in {50: (41, 50), 100: (84, 96), 200: (171, 189), 1000: (881, 919)}.items()],
        *[(NINETY_NINE, n, r) for n, r in {367: (359, None), 368: (360, 368), 1000: (983, 997)}.items()],
        (HALF, 5, (None, None)),
    ],
)
def test_the_ranks_are_the_known_ones(level: Fraction, n: int, expected: tuple[int | None, int | None]) -> None:
    """95 %, equal tails; below 368 a P99 has no upper bound, and none is made up."""
    assert ranks(n, level, C95) == expected


def test_both_bounds_exist_from_the_known_numbers_on() -> None:
    """6, 36, 72 and 368 requests for P50, P90, P95 and P99."""
    levels = [HALF, NINETY, Fraction(95, 100), NINETY_NINE]
    assert [fewest(level) for level in levels] == [6, 36, 72, 368]
    for level in levels:
        assert None not in ranks(fewest(level), level, C95)
        assert None in ranks(fewest(level) - 1, level, C95)


def test_an_interval_covers_the_median_of_a_skewed_distribution() -> None:
    """2,000 runs of 20 latencies with a long tail."""
    random = np.random.default_rng(7)
    runs = random.pareto(1.1, (2000, 20))
    truth = 2 ** (1 / 1.1) - 1
    found = [interval(run.tolist(), HALF) for run in runs]
    covered = sum(one.low is not None and one.high is not None and one.low <= truth <= one.high for one in found)
    assert covered >= 2000 * (0.95 - 3 * math.sqrt(0.95 * 0.05 / 2000))


def test_a_quantile_is_one_of_the_figures() -> None:
    """The inverse of the empirical distribution: no figure that nobody measured."""
    assert [quantile([4, 1, 3, 2], level) for level in (HALF, NINETY)] == [2, 4]
    assert str(interval([1.0, 2.0, 3.0], HALF)) == "2 [?, ?]"
    with pytest.raises(ValueError, match="no figures"):
        interval([], HALF)


def test_the_rank_sums_are_counted_rightly() -> None:
    """Against every pattern of signs of seven pairs."""
    sums = [sum(rank for rank, sign in enumerate(signs, 1) if sign) for signs in product((0, 1), repeat=7)]
    expected = [sums.count(total) / 2**7 for total in range(29)]
    assert _rank_sums(7) == pytest.approx(expected)
    assert [_rank(n, C95) for n in (5, 6, 7, 8, 10, 20)] == [0, 1, 3, 4, 9, 53]


def test_fifty_percent_worse_is_proven_open_or_excluded() -> None:
    """The same prompts on both bases; the interval decides, not the estimate."""
    before = [0.30, 0.42, 0.35, 0.61, 0.50, 0.33, 0.47, 0.39]
    worse = ratio(
        before, [1.9 * one * wobble for one, wobble in zip(before, (1, 1.1, 0.9, 1, 1.05, 1, 0.97, 1), strict=True)]
    )
    assert is_worse(worse, 1.5) is True
    assert is_worse(ratio(before, [1.02 * one for one in before]), 1.5) is False
    assert is_worse(ratio(before, [one * f for one, f in zip(before, (1, 2) * 4, strict=True)]), 1.5) is None
    assert is_worse(ratio(before[:5], [9 * one for one in before[:5]]), 1.5) is None


def test_a_ratio_covers_the_truth_where_single_requests_scatter() -> None:
    """Prompts differ by far more than the bases do: pairing takes that away."""
    random = np.random.default_rng(11)
    covered = 0
    for _ in range(500):
        before = random.lognormal(0, 1.0, 12)
        after = before * 1.3 * random.lognormal(0, 0.1, 12)
        found = ratio(before.tolist(), after.tolist())
        covered += found.low is not None and found.high is not None and found.low <= 1.3 <= found.high
    assert covered >= 500 * (0.95 - 3 * math.sqrt(0.95 * 0.05 / 500))


@pytest.mark.parametrize(("before", "after"), [([1.0], [1.0, 2.0]), ([], []), ([0.0], [1.0]), ([1.0], [math.inf])])
def test_what_is_no_pair_of_times_is_refused(before: list[float], after: list[float]) -> None:
    """A void measurement has no ratio."""
    with pytest.raises(ValueError, match="should be"):
        ratio(before, after)
