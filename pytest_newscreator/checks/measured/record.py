"""Level `measured`: no figure of a recorded table contradicts another, or the contract."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding


def record_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield one item a row and rule that applies; of a file without such a row, or with cells unread, the file."""
    if repository.contract.latency is None or not repository.contract.latency.record:
        return
    from pytest_newscreator.checks.measured.audited import audited_subjects  # a session without a record pays nothing

    yield from audited_subjects(repository)


def record(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """The figures of a recorded table can be true together: time and rate, characters and tokens, memory and shapes.

    A table said that 50,000 characters were answered after 1.13 s at 4,569 tok/s of prefill, which is 5,163 tokens:
    ten characters a token. Decisions were made by it. Measure such a row again with the token counts of the server
    beside it; a table that stays for history is waived, with the reason. docs/record.md shows how to read one.
    """
    newscreator_conclude("record", newscreator_subject)


def judge_record(subject: Subject, repository: Repository) -> Finding | None:
    """Return the contradiction of a row under a rule, or what is wrong with a file; NotVerified for unread cells."""
    from pytest_newscreator.checks.measured.audited import judge_audited

    return judge_audited(subject, repository)


RECORD = Check("record", "measured", "config", record, record_subjects, judge_record)
