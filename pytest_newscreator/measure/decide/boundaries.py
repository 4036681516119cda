"""The integer boundaries of a sequential test: at which request how few bad ones prove that most are good.

A request is good or bad. The claim is that more than a share `s` of all requests are good; its opposite, the null
hypothesis, is that at most `s` are. A boundary says for each number of requests how many may be bad at most for the
claim to be proven there, so that the claim is ever proven wrongly with a probability of at most `alpha`, however often
one looks. No distribution is assumed, only that requests are exchangeable and independent.

Run `python -m pytest_newscreator.measure.decide.boundaries` after a change: it writes the file in `data/`.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any, Final, Literal

from pytest_newscreator.data import FOLDER
from pytest_newscreator.frozen import frozen

Rule = Literal["exact", "anytime"]
FILE: Final = FOLDER / "sequential_boundaries.json"
RULES: Final[tuple[Rule, ...]] = ("exact", "anytime")
ALPHAS: Final = tuple(Fraction(text) for text in ("0.05", "0.01", "0.005", "0.001"))
HORIZONS: Final = {
    Fraction(share): most
    for share, most in {"0.5": 200, "0.9": 500, "0.95": 600, "0.99": 1500, "0.1": 100, "0.05": 100, "0.01": 100}.items()
}
"""The shares that ship as data, with the most requests that each table reaches."""
SHIPPED: Final = tuple(
    (rule, share, alpha) for rule in RULES for share in HORIZONS for alpha in ALPHAS
    if rule == "anytime" or share >= Fraction(1, 2)
)  # fmt: skip
MOST: Final = 500
"""How far a table reaches that is made when it is asked for."""


@frozen
class Boundary:
    """From request `at[i]` on, `bad[i]` bad requests are few enough; before `at[0]` nothing is proven."""

    share: Fraction
    alpha: Fraction
    rule: Rule
    most: int
    at: tuple[int, ...]
    bad: tuple[int, ...]

    def allowed(self, requests: int) -> int:
        """Return how many of so many requests may be bad for the claim to be proven; -1 where it cannot be yet."""
        index = bisect_right(self.at, requests)
        return self.bad[index - 1] if index else -1

    def next(self, bad: int) -> int | None:
        """Return the request at which so many bad ones prove the claim; None where the table does not reach it."""
        return next((at for at, allowed in zip(self.at, self.bad, strict=True) if allowed >= bad), None)


@cache
def boundary(share: Fraction, alpha: Fraction, rule: Rule = "exact") -> Boundary:
    """Return the boundary for a share and an error rate, both strictly between 0 and 1: from the data, else computed.

    For a share below one half take the rule `anytime`: the greedy one may spend its whole error rate on the first
    requests (two of two at share 1/10 and alpha 1/100) and then never decide. Raises ValueError for other numbers.
    """
    if not (0 < share < 1 and 0 < alpha < 1):
        message = f"share {share} and alpha {alpha} should both lie between 0 and 1"
        raise ValueError(message)
    kept = _shipped().get((rule, str(share), str(alpha)))
    if kept is not None:
        return Boundary(share, alpha, rule, kept["most"], tuple(kept["at"]), tuple(kept["bad"]))
    return computed(share, alpha, rule, HORIZONS.get(share, MOST))


def computed(share: Fraction, alpha: Fraction, rule: Rule, most: int) -> Boundary:
    """Compute a boundary up to `most` requests."""
    steps = list((_exact if rule == "exact" else _anytime)(share, alpha, most))
    return Boundary(share, alpha, rule, most, tuple(at for at, _ in steps), tuple(bad for _, bad in steps))


def crossing(limits: Boundary, good: Fraction, most: int) -> Fraction:
    """Return the exact probability to prove the claim within `most` requests where a share `good` of all are good.

    By counting paths: alive are those that have not crossed, by their number of bad requests.
    """
    alive, crossed = {0: Fraction(1)}, Fraction(0)
    for request in range(1, most + 1):
        stepped: dict[int, Fraction] = {}
        for bad, weight in alive.items():
            stepped[bad] = stepped.get(bad, Fraction(0)) + weight * good
            stepped[bad + 1] = stepped.get(bad + 1, Fraction(0)) + weight * (1 - good)
        allowed = limits.allowed(request)
        crossed += sum((weight for bad, weight in stepped.items() if bad <= allowed), Fraction(0))
        alive = {bad: weight for bad, weight in stepped.items() if bad > allowed}
    return crossed


def _exact(share: Fraction, alpha: Fraction, most: int) -> Iterator[tuple[int, int]]:
    """Yield each request at which one more bad one is allowed, with how many are then.

    Greedy: as soon as the summed probability of crossing, under the null hypothesis nearest to the claim, leaves room
    for one more within `alpha`, it is allowed. In whole numbers: after n requests a path weighs
    good^(n-bad) * ill^bad, of scale^n in all.
    """
    good, scale = share.numerator, share.denominator
    ill, allowed = scale - good, -1
    alive, spent, total = [1], 0, 1
    for request in range(1, most + 1):
        alive = [
            (alive[bad] * good if bad < len(alive) else 0) + (alive[bad - 1] * ill if bad else 0)
            for bad in range(len(alive) + 1)
        ]
        spent, total, before = spent * scale, total * scale, allowed
        while allowed + 1 < len(alive) and (spent + alive[allowed + 1]) * alpha.denominator <= alpha.numerator * total:
            allowed += 1
            spent += alive[allowed]
            alive[allowed] = 0
        if allowed > before:
            yield request, allowed


def _anytime(share: Fraction, alpha: Fraction, most: int) -> Iterator[tuple[int, int]]:
    """Yield each request at which one more bad one is allowed, with how many are then: Ville's inequality.

    The e-process is the likelihood ratio against the null hypothesis, mixed over a uniform prior on (share, 1):
    E = 1/(1-q) * integral from q to 1 of (p/q)^good * ((1-p)/(1-q))^bad dp
      = P(Bin(n+1, q) <= good) / ((n+1) * C(n, bad) * (1-q) * q^good * (1-q)^bad),
    since I_q(good+1, bad+1) is the chance of more than `good` successes of n+1. The claim is proven where
    E >= 1/alpha, for however many requests.
    """
    threshold, allowed, q = -math.log(alpha), -1, float(share)
    for request in range(1, most + 1):
        before = allowed
        while allowed + 1 < request and _log_evidence(q, request - allowed - 1, allowed + 1) >= threshold:
            allowed += 1
        if allowed > before:
            yield request, allowed


def _log_evidence(q: float, good: int, bad: int) -> float:
    """Return the logarithm of the e-process after so many good and bad requests."""
    n = good + bad
    logs = [
        _log_choose(n + 1, successes) + successes * math.log(q) + (n + 1 - successes) * math.log1p(-q)
        for successes in range(good + 1)
    ]
    highest = max(logs)
    below = highest + math.log(math.fsum(math.exp(one - highest) for one in logs))
    null = _log_choose(n, bad) + good * math.log(q) + bad * math.log1p(-q)
    return below - math.log(n + 1) - math.log1p(-q) - null


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@cache
def _shipped() -> dict[tuple[str, str, str], Any]:
    """Return the tables that ship, by rule, share and error rate."""
    tables = json.loads(FILE.read_text(encoding="utf-8"))["tables"]
    return {(table["rule"], table["share"], table["alpha"]): table for table in tables}


def render() -> str:
    """Return the text of the data file: one table a line."""
    tables = [computed(share, alpha, rule, HORIZONS[share]) for rule, share, alpha in SHIPPED]
    lines = [
        json.dumps({"rule": one.rule, "share": str(one.share), "alpha": str(one.alpha), "most": one.most}
                   | {"at": one.at, "bad": one.bad})
        for one in tables
    ]  # fmt: skip
    about = "from request at[i] on, bad[i] bad requests or fewer prove that more than `share` of all are good"
    return f'{{"about": {json.dumps(about)}, "tables": [\n  ' + ",\n  ".join(lines) + "\n]}\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
