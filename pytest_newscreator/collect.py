"""From a contract to pytest items: one file, one item a subject of a check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_newscreator import session
from pytest_newscreator.checks import builtin
from pytest_newscreator.checks.registry import Check, Subject, item_name, numbered
from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.verdicts import Broken

if TYPE_CHECKING:
    import os

    from pytest_newscreator.resolve.repository import Repository

CHECK = pytest.StashKey[Check]()
NOTE = pytest.StashKey[Broken]()
NOT_APPLICABLE = pytest.StashKey[list[str]]()


class ContractFile(pytest.File):
    """`newscreator.yaml` as a collector."""

    @property
    def repository(self) -> Repository:
        """Return what the contract describes."""
        return session.repository_at(self.config, self.path)

    def collect(self) -> Iterator[CheckItem]:
        """Yield an item for each subject of each check; a check without one is listed as not applicable."""
        try:
            repository = self.repository
            plan = [(check, numbered(check.subjects(repository))) for check in self._checks(repository)]
        except NewscreatorError as error:
            raise self.CollectError(str(error)) from None
        self.config.stash[NOT_APPLICABLE] = [check.name for check, subjects in plan if not subjects]
        for check, subjects in plan:
            for subject in subjects:
                yield CheckItem.from_parent(self, check=check, subject=subject)

    def _checks(self, repository: Repository) -> Iterable[Check]:
        """Return our checks and those that other plugins brought."""
        yield from builtin.CHECKS
        brought = self.config.hook.pytest_newscreator_checks(config=self.config, contract=repository.contract)
        for checks in brought:
            yield from checks


class CheckItem(pytest.Function):
    """One subject of one check; its function's arguments are fixtures."""

    check: Check
    subject: Subject

    @classmethod
    def from_parent(cls, parent: Any, *, check: Check, subject: Subject, **keywords: Any) -> CheckItem:  # noqa: ANN401
        """Make the item; its marker stands before collection ends, so that `-m` sees it."""
        item: CheckItem = super().from_parent(parent, name=item_name(check.name, subject), callobj=check.function, **keywords)
        item.check = check
        item.subject = subject
        item.add_marker(subject.marker or check.marker)
        return item

    def runtest(self) -> None:
        """Run the check; a broken contract that harms nothing is kept as a note."""
        try:
            super().runtest()
        except Broken as verdict:
            if verdict.finding.severity != "note":
                raise
            self.stash[NOTE] = verdict

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """Return the contract's line that this item is about; always an int, since IDEs compute with it."""
        place = self.subject.place
        line = place.line - 1 if place and place.line and place.path == self.path.name else 0
        return self.path, line, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401
        """Show a verdict as its own lines; anything else is a fault of the check and keeps its traceback."""
        if isinstance(excinfo.value, Broken):
            word = excinfo.value.status
            text = str(excinfo.value)
            return text if word == "failed" else f"{word}: {text}"
        if isinstance(excinfo.value, NewscreatorError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style=style)
