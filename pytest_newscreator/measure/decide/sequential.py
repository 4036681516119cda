"""Does a quantile keep its limit? Passed, failed or inconclusive, after as few requests as prove it.

Two claims run side by side over the same requests, in the order in which they were sent: that the quantile keeps its
limit, and the mirror of it, that it does not. Each is proven wrongly with a probability of at most `alpha`; only where
the quantile lies exactly on the limit are both wrong, and then one of them is proven with at most twice that. A
rollback trigger is decided by the same test at its own limit: *fail* proves that it is reached.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.decide.boundaries import Boundary, Rule, boundary

Verdict = Literal["pass", "fail", "inconclusive"]
ALPHA: Final = Fraction(1, 100)
MEDIAN: Final = Fraction(1, 2)


@frozen
class Limit:
    """A figure that a share `level` of the requests must keep: a ceiling for times, a floor for rates."""

    value: float
    level: Fraction = MEDIAN
    is_floor: bool = False

    def keeps(self, figure: float) -> bool:
        """Return whether one request keeps the limit; the limit itself does. Raises ValueError for no number."""
        if math.isnan(figure):
            message = "a figure is no number, should be void before it is judged"
            raise ValueError(message)
        return figure >= self.value if self.is_floor else figure <= self.value


@frozen
class Plan:
    """How sure a verdict must be, and after how many requests it is given up.

    `rule` is the kind of boundary: `exact` is the fastest in a clear case, `anytime` stays valid without an end. Left
    out, it is exact for the claim about most requests, and anytime for the mirror about few.
    """

    alpha: Fraction = ALPHA
    most: int = 60
    rule: Rule | None = None

    def boundary(self, share: Fraction) -> Boundary:
        """Return the boundary by which more than `share` is proven."""
        return boundary(share, self.alpha, self.rule or ("exact" if share >= MEDIAN else "anytime"))


@frozen
class Decision:
    """A verdict and its evidence: of `requests`, `beyond` did not keep the limit, and `allowed` could be.

    `allowed` is the boundary of the claim that was proven, in requests that speak against it; of an inconclusive
    verdict that of the limit being kept. `missing` is how many more requests, all of them good, would pass it; None
    where there is nothing to pass, or where the plan ends before.
    """

    verdict: Verdict
    requests: int
    beyond: int
    allowed: int
    alpha: Fraction
    missing: int | None = None

    def __str__(self) -> str:
        """Render as a report tells it."""
        return f"{self.verdict}: {self.beyond} of {self.requests} requests beyond the limit (error rate {self._rate})"

    @property
    def _rate(self) -> str:
        return f"{float(self.alpha) * 100:g} %"


def decide(figures: Iterable[float], limit: Limit, plan: Plan | None = None) -> Decision:
    """Judge the figures of valid requests against a limit, in the order of sending; later ones are not looked at.

    A request that failed counts as infinitely slow: give `math.inf` for its time, 0 for its rate.
    """
    plan = plan or Plan()
    kept, broken = plan.boundary(limit.level), plan.boundary(1 - limit.level)
    requests = beyond = 0
    for figure in figures:
        if requests == plan.most:
            break
        requests += 1
        beyond += not limit.keeps(figure)
        if beyond <= kept.allowed(requests):
            return Decision("pass", requests, beyond, kept.allowed(requests), plan.alpha)
        if requests - beyond <= broken.allowed(requests):
            return Decision("fail", requests, beyond, broken.allowed(requests), plan.alpha)
    needed = kept.next(beyond)
    missing = needed - requests if needed is not None and needed <= plan.most else None
    return Decision("inconclusive", requests, beyond, kept.allowed(requests), plan.alpha, missing)


def decide_rate(events: Sequence[bool], highest: Fraction, plan: Plan | None = None) -> Decision:
    """Judge a share of requests, such as those that ran out of memory, against the highest it may be.

    `fail` proves that it is higher: the trigger of a rollback at "more than 5 %".
    """
    return decide((float(event) for event in events), Limit(0.5, 1 - highest), plan)


def least_requests(level: Fraction, alpha: Fraction = ALPHA) -> int:
    """Return how many requests a pass needs at least, all of them good: no test without assumptions needs fewer.

    The smallest n with level^n <= alpha.
    """
    n, chance = 1, level
    while chance > alpha:
        n, chance = n + 1, chance * level
    return n
