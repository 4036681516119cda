"""Turns the outcome of each check into a record, and gives all records to the reports at the end."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from pytest_newscreator import session as state
from pytest_newscreator.checks.unchecked import unchecked
from pytest_newscreator.collect import NOT_APPLICABLE, NOTE, CheckItem
from pytest_newscreator.report import json, terminal
from pytest_newscreator.verdicts import Broken, Finding, NotVerified, Record, masked, place_as_dict

_LEFT = re.compile(r"not judged at this level: (.+) failed$")


class Recorder:
    """A pytest plugin for one session: makes records on every process, reports on the one that talks to the user."""

    def __init__(self, config: pytest.Config) -> None:
        """Read what is required, so that a misspelt name ends the run before it starts."""
        self.config = config
        self.required = state.required(config)
        self.folder = state.report_folder(config)
        self.records: list[Record] = []
        self.stacks: list[str] = []
        self.stack_failed_in: str | None = None
        self.heard: tuple[list[str], list[str]] | None = None
        self.reports_here = not hasattr(config, "workerinput")

    def pytest_sessionstart(self) -> None:
        """Under xdist hold the options against the root's contract: only this process can end the run."""
        if self.config.pluginmanager.hasplugin("dsession"):
            state.foresee(self.config)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Hold the options against what was collected."""
        if self.reports_here:
            state.settle(self.config, session.items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the record to the report that decides the item."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, NotVerified) and self._is_required(error):
            report.outcome = "failed"
            report.longrepr = f"{error.needs} is required, and not verified: {error}"
        if isinstance(error, state.StackFailed):
            self._tell_once(item, report, elsewhere=error.elsewhere)
        if report.skipped and isinstance(error, NotVerified):
            path, line, _ = item.reportinfo()
            report.longrepr = (str(path), (line or 0) + 1, f"Skipped: {error}")
        if isinstance(item, CheckItem) and (call.when == "call" or (call.when == "setup" and not report.passed)):
            record = _record(item, error, report)
            report.newscreator = record.as_dict()  # type: ignore[attr-defined]
            properties = [("newscreator.status", record.status), ("newscreator.level", record.level)]
            report.user_properties += properties
            item.user_properties += properties  # JUnit takes them from the report of the teardown
            report.newscreator_stack = _stack_lines(item.config)  # type: ignore[attr-defined]
        return report

    def _tell_once(self, item: pytest.Item, report: pytest.TestReport, *, elsewhere: bool) -> None:
        """Leave the whole story of a failed start to the first item that needed the stack."""
        if elsewhere:
            self.stack_failed_in = "the test of another worker that started it"
        if self.stack_failed_in in (None, item.nodeid):
            self.stack_failed_in = item.nodeid
            return
        path, line, _ = item.reportinfo()
        report.outcome = "skipped"
        report.longrepr = (
            str(path),
            (line or 0) + 1,
            f"Skipped: the stack did not come up, see {self.stack_failed_in}",
        )

    def _is_required(self, missing: NotVerified) -> bool:
        """Return whether what is missing was required; without any stack neither Docker nor Ollama was verified."""
        asked = self.required | ({"stack"} if self.required & {"docker", "ollama"} else set())
        return missing.needs in asked

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the records, those of xdist's workers too."""
        data: dict[str, Any] | None = getattr(report, "newscreator", None)
        if data is not None:
            self.records.append(Record(**{**data, "chain": tuple(data["chain"])}))
            for line in getattr(report, "newscreator_stack", ()):
                if line not in self.stacks:
                    self.stacks.append(line)

    def pytest_unconfigure(self) -> None:
        """Let go of the engine's client, whose open socket would be a warning otherwise."""
        engine = sys.modules.get("pytest_newscreator.stack.engine")
        if engine is not None:
            engine.disconnect()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the summary section."""
        if self.reports_here and (self.records or self._silent()[0]):
            terminal.summarise(terminalreporter, self.records, self.stacks, *self._silent())

    def _silent(self) -> tuple[list[str], list[str]]:
        """Return the checks without a subject, and what the contract declares that no check holds yet."""
        if self.heard is not None:
            return self.heard
        repositories = self.config.stash[state.REPOSITORIES].values()
        declared = [text for repository in repositories for text in unchecked(repository.contract)]
        return self.config.stash.get(NOT_APPLICABLE, []), list(dict.fromkeys(declared))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's, which need not be installed
        """Give each worker the run of this process, which uses it for as long as any of them."""
        run = state.run_of(self.config)
        node.workerinput["newscreator_run"] = (run.id, run.session)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write the reports, then leave the run; a stack that could not be removed is never a success."""
        yield
        if self._hold_what_was_left() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._write_reports()
        fault = state.leave(self.config)
        if fault and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if fault and reporter is not None:
            reporter.write_line(fault, red=True)

    def _hold_what_was_left(self) -> bool:
        """Make failures of items that left it to one that passed: workers of xdist do not know of each other's."""
        fine = {r.id.partition("::")[2] for r in self.records if r.status == "passed" or r.severity == "note"}
        held = False
        for index, record in enumerate(self.records):
            left = _LEFT.match(record.message) if record.status == "not_verified" else None
            if left is not None and left[1] in fine:
                said = f"{left[1]} passed, and this item left to it what broke meanwhile"
                self.records[index] = replace(record, status="failed", message=said, fix="run it again without -n")
                held = True
        return held

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - xdist's, which need not be installed
        """Take over from a worker what only a process that collects can know."""
        said = getattr(node, "workeroutput", {}).get("newscreator")
        self.heard = self.heard or (said and (said[0], said[1]))

    def _write_reports(self) -> None:
        """Write the reports that were asked for."""
        if not self.reports_here:
            self.config.workeroutput["newscreator"] = self._silent()  # type: ignore[attr-defined]
        if self.folder is not None and self.reports_here:
            json.write(self.folder, self.records, self.stacks, *self._silent())
            self.config.hook.pytest_newscreator_report(
                config=self.config, records=tuple(self.records), directory=self.folder
            )


def _stack_lines(config: pytest.Config) -> tuple[str, ...]:
    """Return what the summary says of the stack that this process used."""
    stack = config.stash.get(state.STACK, None)
    return stack.description if stack is not None else ()


def _record(item: CheckItem, error: BaseException | None, report: pytest.TestReport) -> Record:
    """Make the record of one item."""
    note = item.stash.get(NOTE, None)
    verdict = note or error
    standin = item.config.stash[state.STACK].standin if state.STACK in item.config.stash else None
    common: dict[str, Any] = {
        "id": item.nodeid,
        "check": item.check.name,
        "level": item.check.level,
        "subject": item.subject.id,
        "duration_s": round(report.duration, 4),
        "standin": standin if item.check.level in ("served", "measured") else None,
        "detail": masked(str(dict(report.user_properties).get("newscreator.detail", ""))),
    }
    if verdict is None:
        return Record(status="passed", **common)
    if isinstance(verdict, Broken):
        return Record(status=verdict.status, **_parts(verdict.finding), **common)
    if isinstance(verdict, NotVerified) and report.skipped:
        return Record(status="not_verified", message=verdict.reason, fix=verdict.fix, **common)
    if isinstance(verdict, NotVerified):
        message = f"{verdict.needs} is required, and not verified: {verdict.reason}"
        return Record(status="failed", message=message, fix=verdict.fix, **common)
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(verdict)
        return Record(status="not_verified", message=reason.removeprefix("Skipped: "), **common)
    first, *rest = masked(str(verdict)).splitlines() or [repr(verdict)]
    return Record(status="failed", message=first, chain=tuple(line.strip() for line in rest), **common)


def _parts(finding: Finding) -> dict[str, Any]:
    """Return a finding's fields as a record has them."""
    return {
        "severity": finding.severity,
        "message": finding.message,
        "expected": finding.expected,
        "observed": finding.observed,
        "place": place_as_dict(finding.place),
        "chain": finding.chain,
        "fix": finding.fix,
    }
