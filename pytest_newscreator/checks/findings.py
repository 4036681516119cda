"""What the checks that only read files find in one repository: each judged once, and one finding a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_newscreator.checks.registry import Check, Subject, item_name, numbered
from pytest_newscreator.frozen import frozen
from pytest_newscreator.verdicts import Broken, NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.places import Place
    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.verdicts import Finding

SAID_ELSEWHERE = "not judged twice: "
"""How an item begins that steps back: another one says what is wrong."""

Key = tuple["Place | None", str]


@frozen
class Judged:
    """What a check concludes of one subject, were it the only one: nothing wrong, a finding, or not verified."""

    item: str
    check: Check
    subject: Subject
    finding: Finding | None = None
    unverified: NotVerified | None = None


class Findings:
    """The subjects of all checks, and what those that only read files find.

    The order of the checks is their precedence: where two speak of one place, the earlier one says it, since it is
    the more specific.
    """

    def __init__(self, checks: Sequence[Check], repository: Repository) -> None:
        """Remember what to ask; nothing is read yet."""
        self.checks = tuple(checks)
        self.repository = repository
        self._judged: dict[str, Judged] = {}

    @cached_property
    def plan(self) -> Mapping[str, tuple[Check, Subject]]:
        """Return every subject with its check, by the name of its item, in order."""
        found: dict[str, tuple[Check, Subject]] = {}
        for check in self.checks:
            for subject in numbered(check.subjects(self.repository)):
                found[item_name(check.name, subject)] = check, subject
        return found

    def judged(self, item: str) -> Judged:
        """Return what the check of an item concludes, whatever others say of the same place."""
        if item not in self._judged:
            check, subject = self.plan[item]
            try:
                finding = check.judge(subject, self.repository) if check.judge else None
                self._judged[item] = Judged(item, check, subject, finding)
            except NotVerified as missing:
                self._judged[item] = Judged(item, check, subject, unverified=missing)
        return self._judged[item]

    @cached_property
    def told(self) -> Mapping[Key, tuple[Judged, ...]]:
        """Return everything that is found, by its place and what the place lacks, in order of precedence."""
        found: dict[Key, list[Judged]] = {}
        for judged in self.all():
            if judged.finding is not None:
                key = judged.finding.place, judged.finding.lacks
                found.setdefault(key, []).append(judged)
        return {key: tuple(judged) for key, judged in found.items()}

    def all(self) -> Iterator[Judged]:
        """Yield what every check that only reads files concludes, in order."""
        yield from (self.judged(item) for item, (check, _) in self.plan.items() if check.judge is not None)

    def said(self) -> Iterator[Judged]:
        """Yield the findings as a run of everything tells them: one a place."""
        for judged in self.all():
            if judged.finding is not None and self.speaker(judged, self.plan.__contains__) is None:
                yield judged

    @cached_property
    def _order(self) -> Mapping[str, int]:
        """Return the rank of every item: earlier ones have precedence."""
        return {item: rank for rank, item in enumerate(self.plan)}

    def speaker(self, judged: Judged, is_run: Callable[[str], bool]) -> str | None:
        """Return the item that says what is wrong instead of this one: an earlier one at its place, or at a cause.

        A note cannot speak for an error.
        """
        finding = judged.finding
        if finding is None:
            return self._teller(judged, is_run)
        keys = ((finding.place, finding.lacks), *((place, "") for place in finding.causes))
        for other in (other for key in keys for other in self.told.get(key, ())):
            is_louder = other.finding is not None and (other.finding.severity == "error" or finding.severity == "note")
            if is_louder and self._order[other.item] < self._order[judged.item] and is_run(other.item):
                return other.item
        return None

    def _teller(self, judged: Judged, is_run: Callable[[str], bool]) -> str | None:
        """Return the item that finds, at its place, the very fault for which this one verifies nothing."""
        place = judged.subject.place
        reason = judged.unverified.reason if judged.unverified is not None else ""
        if place is None or not reason.startswith(f"{place}: "):
            return None
        fault = reason.removeprefix(f"{place}: ")
        tellers = (one for one in self.told.get((place, ""), ()) if one.finding and fault in one.finding.message)
        return next((one.item for one in tellers if is_run(one.item)), None)


class Conclusions:
    """The findings of one session: `selected` are the items it runs, and only those can speak for others."""

    def __init__(self, findings: Findings, selected: frozenset[str]) -> None:
        """Remember what was found and what is run."""
        self.findings = findings
        self.selected = selected

    def __call__(self, check: str, subject: Subject) -> None:
        """Pass, or raise what the check concludes of a subject: `Broken`, or `NotVerified` where another says it."""
        __tracebackhide__ = True
        judged = self.findings.judged(item_name(check, subject))
        by = self.findings.speaker(judged, self.selected.__contains__)
        if by is not None:
            raise NotVerified(f"{SAID_ELSEWHERE}{by} says it", needs="", fix="")
        if judged.unverified is not None:
            raise judged.unverified
        if judged.finding is not None:
            raise Broken(judged.finding)
