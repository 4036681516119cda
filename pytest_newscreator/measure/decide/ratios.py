"""How much slower or faster is one base than another? The ratio of paired measurements, with its interval.

Pairs share their prompt and are measured interleaved, so that drift cancels. The estimate is the Hodges-Lehmann
median of the logarithms of the ratios, the interval that of Wilcoxon's signed ranks, exact: the ordered Walsh averages
from the c-th smallest to the c-th largest, with c from the null distribution of the rank sum (Hollander, Wolfe and
Chicken, Nonparametric Statistical Methods, 2014, section 3.3). It assumes that the logarithms scatter evenly
around their middle, and no distribution beyond that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from statistics import median
from typing import Final

from pytest_newscreator.measure.decide.quantiles import Interval

MOST_PAIRS: Final = 200
"""Beyond this the exact distribution takes longer than it is worth; nobody measures so many pairs."""


def ratio(before: Sequence[float], after: Sequence[float], confidence: Fraction = Fraction(95, 100)) -> Interval:
    """Return after/before of paired figures: 1.5 is 50 % more. With fewer than 6 pairs (at 95 %) it has no bounds.

    Raises ValueError where they are no pairs, not positive, or more than `MOST_PAIRS`.
    """
    _refuse(before, after)
    logs = [math.log(new) - math.log(old) for old, new in zip(before, after, strict=True)]
    averages = sorted((logs[i] + logs[j]) / 2 for i in range(len(logs)) for j in range(i, len(logs)))
    rank = _rank(len(logs), confidence)
    low, high = (math.exp(averages[rank - 1]), math.exp(averages[-rank])) if rank else (None, None)
    return Interval(math.exp(median(averages)), low, high, len(logs), confidence)


def is_worse(given: Interval, factor: float) -> bool | None:
    """Return whether a ratio of times is proven to be above a factor (1.5: 50 % worse); None where it stays open."""
    if given.low is None or given.high is None or given.low <= factor <= given.high:
        return None
    return given.low > factor


def _refuse(before: Sequence[float], after: Sequence[float]) -> None:
    """Raise where no ratio of pairs can be made."""
    if len(before) != len(after) or not before or len(before) > MOST_PAIRS:
        message = f"{len(before)} and {len(after)} figures, should be 1 to {MOST_PAIRS} pairs"
        raise ValueError(message)
    if not all(math.isfinite(one) and one > 0 for one in (*before, *after)):
        message = "a figure is not above zero and finite, should be void before it is compared"
        raise ValueError(message)


@cache
def _rank(n: int, confidence: Fraction) -> int:
    """Return the highest rank c whose tail P(T+ <= c-1) is at most half of what the confidence leaves; 0 for none."""
    tail, summed = float(1 - confidence) / 2, 0.0
    for rank, weight in enumerate(_rank_sums(n)):
        summed += weight
        if summed > tail:
            return rank
    return 0


def _rank_sums(n: int) -> list[float]:
    """Return the distribution of Wilcoxon's rank sum of n pairs: each rank counts with probability one half."""
    weights = [1.0]
    for rank in range(1, n + 1):
        longer = [weight / 2 for weight in weights] + [0.0] * rank
        for index, weight in enumerate(weights):
            longer[index + rank] += weight / 2
        weights = longer
    return weights
