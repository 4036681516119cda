"""Findings that the contract accepts until a date: applied to every verdict, and held to be needed and alive."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase

from pytest_newscreator.checks.findings import Conclusions, Findings
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Contract, Waiver
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding, fail


def waiver_for(contract: Contract, check: str, subject: Subject, finding: Finding) -> Waiver | None:
    """Return the waiver that accepts a finding, if one is alive: by its place's path, or by the item's subject."""
    meant = (waiver for waiver in contract.waivers if accepts(waiver, check, subject, finding))
    return next((waiver for waiver in meant if is_alive(waiver)), None)


def is_alive(waiver: Waiver) -> bool:
    """Return whether a waiver still counts today; its last day does."""
    return date.today() <= waiver.until  # noqa: DTZ011 - a day as people mean it, where they are


def accepts(waiver: Waiver, check: str, subject: Subject, finding: Finding) -> bool:
    """Return whether a waiver is meant for a finding, alive or not."""
    texts = [subject.id, str(finding.place), finding.place.path] if finding.place else [subject.id]
    return waiver.check == check and any(fnmatchcase(text, waiver.where) for text in texts)


def waived(finding: Finding, waiver: Waiver) -> Finding:
    """Return a finding as a note that says why it is accepted."""
    return replace(
        finding, message=f"{finding.message} (waived until {waiver.until}: {waiver.reason})", severity="note"
    )


def waiver_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every waiver."""
    for waiver in repository.contract.waivers:
        yield Subject(f"{waiver.check} {waiver.where}", waiver.place, waiver)


def waiver(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every waiver is alive, and still accepts something.

    One that outlives its finding hides the next one at the same place, of which nobody has decided anything. Remove
    it, or mend the finding and then remove it.
    """
    given: Waiver = newscreator_subject.data
    findings = newscreator_conclude.findings
    names = [check.name for check in findings.checks]
    if given.check not in names:
        near = difflib.get_close_matches(given.check, names, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        fail(f"there is no check {given.check}{hint}", place=given.place, fix=f"name one of {', '.join(names)}")
    if not is_alive(given):
        fail(
            f"the waiver of {given.check} at {given.where} ended on {given.until} ({given.reason})",
            place=given.place,
            fix="mend what it accepts, then remove it; or decide again, with a new date",
        )
    if not _is_used(given, findings):
        fail(
            f"the waiver of {given.check} at {given.where} accepts nothing: no such finding is left",
            place=given.place,
            fix="remove it, or correct `where:`, a glob over paths or over the subjects of the check",
        )


def _is_used(given: Waiver, findings: Findings) -> bool:
    """Return whether a waiver accepts a finding.

    Of a check that needs a running stack only a run can tell; where it leaves something unverified, nobody can.
    """
    check = next(check for check in findings.checks if check.name == given.check)
    if check.judge is None:
        return True
    judged = [judged for judged in findings.all() if judged.check.name == given.check]
    if any(j.unverified is not None for j in judged):
        return True
    return any(j.finding is not None and accepts(given, given.check, j.subject, j.finding) for j in judged)


WAIVER = Check("waiver", "source", "config", waiver, waiver_subjects)
