"""Confidence intervals of quantiles by order statistics: no distribution is assumed.

The interval from the l-th to the u-th smallest of n figures covers the quantile of level q with probability
sum of C(n, k) q^k (1-q)^(n-k) over k from l to u-1 (David and Nagaraja, Order Statistics, 2003, section 7.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from pytest_newscreator.frozen import frozen


@frozen
class Interval:
    """An estimate and its bounds; a bound is None where so few figures have none at this confidence."""

    estimate: float
    low: float | None
    high: float | None
    requests: int
    confidence: Fraction

    def __str__(self) -> str:
        """Render as `0.31 [0.29, 0.35]`, with `?` for a bound that there is not."""
        low, high = ("?" if bound is None else f"{bound:.4g}" for bound in (self.low, self.high))
        return f"{self.estimate:.4g} [{low}, {high}]"


def quantile(figures: Sequence[float], level: Fraction) -> float:
    """Return the quantile of the figures: the smallest that a share `level` of them does not pass (inverse CDF)."""
    if not figures:
        message = "no figures, should be at least one"
        raise ValueError(message)
    return sorted(figures)[max(math.ceil(level * len(figures)), 1) - 1]


def interval(figures: Sequence[float], level: Fraction, confidence: Fraction = Fraction(95, 100)) -> Interval:
    """Return a quantile with its two-sided interval of equal tails."""
    low, high = ranks(len(figures), level, confidence)
    ordered = sorted(figures)
    return Interval(
        quantile(figures, level),
        None if low is None else ordered[low - 1],
        None if high is None else ordered[high - 1],
        len(figures),
        confidence,
    )


def ranks(n: int, level: Fraction, confidence: Fraction) -> tuple[int | None, int | None]:
    """Return the ranks (from 1) of the bounds among n figures; None where no figure can be the bound."""
    tail, weights = float(1 - confidence) / 2, _weights(n, float(level))
    below = _rank(weights, tail)
    above = _rank(list(reversed(weights)), tail)
    return below, None if above is None else n + 1 - above


def _rank(weights: Sequence[float], tail: float) -> int | None:
    """Return the highest rank l with P(Bin <= l-1) <= tail."""
    summed = 0.0
    for rank, weight in enumerate(weights):
        summed += weight
        if summed > tail:
            return rank or None
    return len(weights) - 1 or None


def _weights(n: int, q: float) -> list[float]:
    """Return the probabilities of 0 to n successes of n."""
    logs = (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1))
    return [math.exp(log + k * math.log(q) + (n - k) * math.log1p(-q)) for k, log in enumerate(logs)]


def fewest(level: Fraction, confidence: Fraction = Fraction(95, 100)) -> int:
    """Return from how many figures on a quantile has both bounds, with equal tails: level^n and (1-level)^n in them."""
    tail, side = (1 - confidence) / 2, max(level, 1 - level)
    return math.ceil(math.log(tail) / math.log(side) - 1e-9)
