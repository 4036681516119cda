"""What one pytest session holds for us: switched on once, when a contract is in play."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_newscreator import CONTRACT_NAME
from pytest_newscreator.errors import NewscreatorError, StackError
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.sites import Reader
from pytest_newscreator.verdicts import NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.checks.findings import Findings
    from pytest_newscreator.stack.model import Stack
    from pytest_newscreator.stack.run import Run

ACTIVE = pytest.StashKey[bool]()
REPOSITORIES = pytest.StashKey[dict[Path, Repository]]()
FINDINGS: pytest.StashKey[dict[Path, Findings]] = pytest.StashKey()
STACK: pytest.StashKey[Stack] = pytest.StashKey()
RUN: pytest.StashKey[Run] = pytest.StashKey()


class StackFailed(pytest.fail.Exception):  # type: ignore[name-defined, misc] # a class, held by a function
    """The stack did not come up: reported whole by the first item that needs it, by reference by the others."""

    elsewhere = False
    """Whether another process of this run tells it."""


def run_of(config: pytest.Config) -> Run:
    """Return the run that this process belongs to, as one of its users; a worker of xdist has its controller's."""
    if RUN not in config.stash:
        from pytest_newscreator.stack import leftovers
        from pytest_newscreator.stack.run import Run, new_id, sweep

        run_id, session_id = getattr(config, "workerinput", {}).get("newscreator_run") or ("", new_id())
        if not run_id:
            sweep()
            run_id = leftovers.kept_id(config.rootpath) if config.getoption("newscreator_keep") else session_id
        config.stash[RUN] = Run.open(run_id, session_id)
    return config.stash[RUN]


def leave(config: pytest.Config) -> str:
    """Stop using the run, if there is one, and wait for its clean-up; return what went wrong, "" where nothing did.

    A worker of xdist does not wait: its controller uses the run for longer.
    """
    run = config.stash.get(RUN, None)
    if run is None:
        return ""
    del config.stash[RUN]
    if hasattr(config, "workerinput"):
        run.release()
        return ""
    try:
        told = run.leave()
    except StackError as error:
        return str(error)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if told and reporter is not None:
        reporter.write_line(told, yellow=True)
    return ""


def repository_at(config: pytest.Config, contract_path: Path) -> Repository:
    """Return the repository that a contract describes; read once a session.

    Raises `ContractError` where the file is not a contract.
    """
    repositories = config.stash[REPOSITORIES]
    if contract_path not in repositories:
        from pytest_newscreator.contract.load import load

        contract = load(contract_path)
        repositories[contract_path] = Repository(contract, readers(config))
    return repositories[contract_path]


def findings_at(config: pytest.Config, contract_path: Path) -> Findings:
    """Return the checks of a contract, ours and those that other plugins brought, and what they find; once a session.

    Raises `ContractError` where the file is not a contract.
    """
    findings = config.stash.setdefault(FINDINGS, {})
    if contract_path not in findings:
        from pytest_newscreator.checks.builtin import CHECKS
        from pytest_newscreator.checks.findings import Findings

        repository = repository_at(config, contract_path)
        brought = config.hook.pytest_newscreator_checks(config=config, contract=repository.contract)
        checks = (*CHECKS, *(check for checks in brought for check in checks))
        findings[contract_path] = Findings(checks, repository)
    return findings[contract_path]


def readers(config: pytest.Config) -> tuple[Reader, ...]:
    """Return our readers and those that other plugins brought."""
    from pytest_newscreator.sources import registry

    brought = config.hook.pytest_newscreator_readers(config=config)
    return (*registry.readers(), *(reader for readers_ in brought for reader in readers_))


def required(config: pytest.Config) -> frozenset[str]:
    """Return what must be verifiable here: the option, else NEWSCREATOR_REQUIRE."""
    text = config.getoption("newscreator_require")
    if text is None:
        text = os.environ.get("NEWSCREATOR_REQUIRE", "")
    names = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    unknown = names - {"docker", "ollama", "gpu", "stack"}
    if unknown:
        raise pytest.UsageError(
            f"--newscreator-require knows docker, ollama, gpu and stack, not {', '.join(sorted(unknown))}"
        )
    return names


def give_up(kind: str, error: NewscreatorError) -> NoReturn:
    """End on a stack that cannot be had: an explicit kind ends the run with exit code 4, `auto` fails the item.

    Under xdist only the controller can end the run, which `foresee` does where it can be known before.
    """
    from pytest_newscreator.stack.shared import FailedElsewhereError

    message = str(error)
    if kind == "auto" or "PYTEST_XDIST_WORKER" in os.environ:
        failed = StackFailed(message, pytrace=False)
        failed.elsewhere = isinstance(error, FailedElsewhereError)
        raise failed from None
    pytest.exit(message, returncode=pytest.ExitCode.USAGE_ERROR)


def settle(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Raise `UsageError` where an option names what is not there, before anything starts.

    Only a run that needs a stack is held to what is required of this machine.
    """
    name = config.getoption("newscreator_invocation")
    kind = config.getoption("newscreator_stack")
    given = config.getoption("newscreator_base_files")
    for repository in config.stash[REPOSITORIES].values():
        declared = repository.contract.invocations
        if name is not None and name not in declared:
            known = ", ".join(declared) or "none"
            raise pytest.UsageError(f"--newscreator-invocation {name} is not declared, the contract declares {known}")
    needs_stack = any("newscreator_stack" in getattr(item, "fixturenames", ()) for item in items)
    if kind == "auto" and not given and not needs_stack:
        return  # without importing what starts a stack
    from pytest_newscreator.stack import base_files, choose

    try:
        base_files.given_files(given, config.invocation_params.dir)
        for repository in config.stash[REPOSITORIES].values():
            brought = config.hook.pytest_newscreator_backends(config=config, repository=repository)
            choose.backend(kind, [backend for backends in brought for backend in backends])
        if needs_stack:
            _provide(required(config))
    except StackError as error:
        raise pytest.UsageError(str(error)) from None


def foresee(config: pytest.Config) -> None:
    """Settle the options before any worker starts; a contract with errors is left to the collection."""
    path = config.rootpath / CONTRACT_NAME
    try:
        if path.is_file():
            repository_at(config, path)
    except NewscreatorError:
        return
    settle(config, ())


def _provide(names: frozenset[str]) -> None:
    """Raise `StackError` where this machine has not what is required; what only a stack can tell is told later."""
    from pytest_newscreator.observe.gpu import has_nvidia
    from pytest_newscreator.stack import engine

    if "docker" in names:
        try:
            engine.require()
        except NotVerified as missing:
            raise StackError(f"docker is required, and not verified: {missing.reason}", fix=missing.fix) from None
    if "gpu" in names and not has_nvidia():
        raise StackError("gpu is required, and not verified: no NVIDIA GPU on this machine", fix="run on the GPU host")


def report_folder(config: pytest.Config) -> Path | None:
    """Return the folder of `--newscreator-report`, made now, so that one that cannot be written ends the run early."""
    text = config.getoption("newscreator_report")
    if not text:
        return None
    folder = Path(config.invocation_params.dir, text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise pytest.UsageError(f"--newscreator-report {text} is no folder to write to ({error.strerror})") from None
    return folder
