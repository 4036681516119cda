"""From a contract to pytest items: one file, one item a subject of a check."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator import session
from pytest_newscreator.checks import waivers
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject, item_name
from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

NOTE = pytest.StashKey[Broken]()
NOT_APPLICABLE = pytest.StashKey[list[str]]()
PASSED = pytest.StashKey[bool]()


class ContractFile(pytest.File):
    """`newscreator.yaml` as a collector."""

    def collect(self) -> Iterator[CheckItem]:
        """Yield an item for each subject of each check; a check without one is listed as not applicable."""
        try:
            with _everything_kept():
                findings = session.findings_at(self.config, self.path)
                plan = findings.plan.values()
        except NewscreatorError as error:
            raise self.CollectError(str(error)) from None
        busy = {check.name for check, _ in plan}
        idle = list(dict.fromkeys(check.name for check in findings.checks if check.name not in busy))
        earlier = self.config.stash.get(NOT_APPLICABLE, idle)
        self.config.stash[NOT_APPLICABLE] = [name for name in earlier if name in idle]
        for check, subject in plan:
            yield CheckItem.from_parent(self, check=check, subject=subject)


@contextmanager
def _everything_kept() -> Iterator[None]:
    """Let Python look for no garbage while the repository is read: what is read is kept, so there is none to find."""
    was_looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_looking:
            gc.enable()


def speaking(run: pytest.Session, path: Path | None = None) -> frozenset[str]:
    """Return the names of the contract's items of a run that have not passed already.

    Only to these may another item step back: one that passed before something broke does not tell it.
    """
    items = (item for item in run.items if isinstance(item, CheckItem) and path in {None, item.path})
    return frozenset(item.name for item in items if not item.stash.get(PASSED, False))


class CheckItem(pytest.Function):
    """One subject of one check; its function's arguments are fixtures."""

    check: Check
    subject: Subject

    @classmethod
    def from_parent(  # type: ignore[override] # an item cannot be made without them
        cls,
        parent: Any,  # noqa: ANN401 - as pytest has it
        *,
        check: Check,
        subject: Subject,
        **keywords: Any,  # noqa: ANN401 - as pytest has it
    ) -> CheckItem:
        """Make the item; its marker stands before collection ends, so that `-m` sees it."""
        item: CheckItem = super().from_parent(
            parent, name=item_name(check.name, subject), callobj=check.function, **keywords
        )
        item.check = check
        item.subject = subject
        item.add_marker(subject.marker or check.marker)
        if subject.detail:
            item.user_properties.append(("newscreator.detail", subject.detail))
        return item

    def setup(self) -> None:
        """Give the check its own contract where a run has several; the session's one stack is the first one's."""
        first, *_ = self.config.stash[session.REPOSITORIES]
        if self.path == first:
            super().setup()
            return
        if self.get_closest_marker("config") is None:
            own, others = (os.path.relpath(path, self.config.rootpath) for path in (self.path, first))
            reason = f"the stack of this run is that of {others}"
            raise NotVerified(reason, needs="stack", fix=f"run `pytest {own}`")
        super().setup()
        self.funcargs.update({name: value for name, value in self._own().items() if name in self.funcargs})

    def _own(self) -> dict[str, object]:
        """Return what the fixtures would give, were this contract the only one."""
        repository = session.repository_at(self.config, self.path)
        mine = frozenset(i.name for i in self.session.items if isinstance(i, CheckItem) and i.path == self.path)
        return {
            "newscreator_contract_path": self.path,
            "newscreator_repository": repository,
            "newscreator_contract": repository.contract,
            "newscreator_selected": speaking(self.session, self.path),
            "newscreator_conclude": Conclusions(session.findings_at(self.config, self.path), mine),
        }

    def runtest(self) -> None:
        """Run the check; a broken contract that harms nothing is kept as a note."""
        try:
            self._judged()
        except Broken as verdict:
            accepted = self._accepted(verdict)
            if accepted.finding.severity != "note":
                raise
            self.stash[NOTE] = accepted
        self.stash[PASSED] = True

    def _judged(self) -> None:
        """Run the check; what Docker's client raises is a verdict too, where there is one behind it."""
        try:
            super().runtest()
        except (Broken, NotVerified):
            raise
        except NewscreatorError as error:
            place = error.place or self.subject.place
            raise Broken(Finding(error.message, place, fix=error.fix)) from None
        except Exception as error:
            engine = sys.modules.get("pytest_newscreator.stack.engine")
            verdict = engine.translated(error) if engine is not None else None
            if verdict is None:
                raise
            raise verdict from None

    def _accepted(self, verdict: Broken) -> Broken:
        """Return a verdict as a note where a waiver of the contract accepts it; one about a waiver itself is none."""
        contract = session.repository_at(self.config, self.path).contract
        meant = waivers.waiver_for(contract, self.check.name, self.subject, verdict.finding)
        return type(verdict)(waivers.waived(verdict.finding, meant)) if meant else verdict

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """Return the contract's line that this item is about; always an int, since IDEs compute with it."""
        place = self.subject.place
        line = place.line - 1 if place and place.line and place.path == self.path.name else 0
        return self.path, line, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401, ARG002 - as pytest has it
        """Show a verdict as its own lines; anything else is a fault of the check and keeps its traceback."""
        if isinstance(excinfo.value, Broken):
            word = excinfo.value.status
            text = str(excinfo.value)
            return text if word == "failed" else f"{word}: {text}"
        if isinstance(excinfo.value, NewscreatorError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)
