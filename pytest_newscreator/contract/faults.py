"""How a contract is refused: every fault of the file at once, each with its place and the nearest right word."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pytest_newscreator.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEAR = 0.6


class ContractErrors(ContractError):  # noqa: N818 - it is many of them, and carries them all
    """Every fault of one contract, in the order of the file; message, place and fix are those of the first."""

    def __init__(self, errors: Sequence[ContractError]) -> None:
        """Order the faults by place, so that the first line is the first thing to mend."""
        ordered = sorted(errors, key=lambda error: (error.place is not None, error.place))
        first = ordered[0]
        super().__init__(first.message, place=first.place, fix=first.fix)
        self.errors: tuple[ContractError, ...] = tuple(ordered)

    def __str__(self) -> str:
        """Render one fault after the other, each with its way out."""
        return "\n".join(str(error) for error in self.errors)


def nearest(word: str, known: Iterable[str], *, cutoff: float = NEAR) -> str | None:
    """Return the known word that `word` most likely was meant to be, whatever its case and its dashes.

    Of words equally near, one that continues what was written wins, and then the one declared first.
    """
    wanted = _fold(word)
    scored = [(_likeness(wanted, _fold(each)), _fold(each).startswith(wanted), each) for each in known]
    best = max(scored, key=lambda score: score[:2], default=(0.0, False, ""))
    return best[2] if best[0] >= cutoff else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean 'x'?`, or nothing where no known word is near."""
    near = nearest(word, known)
    return f", did you mean {near!r}?" if near is not None else ""


def either(words: Iterable[str]) -> str:
    """Join words as English does: `a, b or c`."""
    *head, last = words
    return f"{', '.join(head)} or {last}" if head else last


def _fold(word: str) -> str:
    return word.casefold().replace("-", "_")


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
