"""What a test can ask for; every knob is a small fixture that a `conftest.py` may override."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_newscreator import CONTRACT_NAME, session
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.collect import CheckItem, speaking
from pytest_newscreator.contract.model import Contract, Invocation
from pytest_newscreator.errors import NewscreatorError, StackError
from pytest_newscreator.resolve.repository import Repository

if TYPE_CHECKING:
    import ollama
    from testinfra.host import Host

    from pytest_newscreator.stack.model import Endpoint, Stack


ANSWER_S = 600.0
"""How long the client waits for an answer; the package's own default is for ever."""


@pytest.fixture(scope="session")
def newscreator_contract_path(pytestconfig: pytest.Config) -> Path:
    """The contract's file: the one being collected, else `newscreator.yaml` in pytest's root folder."""
    collected = [*pytestconfig.stash[session.REPOSITORIES]]
    return collected[0] if collected else pytestconfig.rootpath / CONTRACT_NAME


@pytest.fixture(scope="session")
def newscreator_repository(pytestconfig: pytest.Config, newscreator_contract_path: Path) -> Repository:
    """The repository under test: what its files say and what Compose makes of them."""
    try:
        return session.repository_at(pytestconfig, newscreator_contract_path)
    except NewscreatorError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def newscreator_contract(newscreator_repository: Repository) -> Contract:
    """What `newscreator.yaml` says."""
    return newscreator_repository.contract


@pytest.fixture
def newscreator_subject(request: pytest.FixtureRequest) -> Subject:
    """What the running check is about; only the contract's own items have one."""
    node = request.node
    if not isinstance(node, CheckItem):
        pytest.fail("newscreator_subject belongs to the checks of newscreator.yaml", pytrace=False)
    return node.subject


@pytest.fixture
def newscreator_selected(request: pytest.FixtureRequest) -> frozenset[str]:
    """The names of the contract's items that this session runs and that have not passed already.

    A live check steps back only to an item that can still tell: what breaks after `healthy` passed, nobody else says.
    """
    return speaking(request.session)


@pytest.fixture(scope="session")
def newscreator_conclude(request: pytest.FixtureRequest, newscreator_contract_path: Path) -> Conclusions:
    """What a check that only reads files concludes of a subject: it passes, or raises; one place, one finding."""
    selected = frozenset(item.name for item in request.session.items if isinstance(item, CheckItem))
    return Conclusions(session.findings_at(request.config, newscreator_contract_path), selected)


@pytest.fixture(scope="session")
def newscreator_invocation(pytestconfig: pytest.Config, newscreator_contract: Contract) -> Invocation | None:
    """The invocation asked for with `--newscreator-invocation`; None where none was."""
    name = pytestconfig.getoption("newscreator_invocation")
    return newscreator_contract.invocations[name] if name is not None else None


@pytest.fixture(scope="session")
def newscreator_pass_environment(pytestconfig: pytest.Config) -> Mapping[str, str]:
    """The variables of this machine that a stack started here may see, by the ini key of that name."""
    names = pytestconfig.getini("newscreator_pass_environment")
    return {name: os.environ[name] for name in names if name in os.environ}


@pytest.fixture(scope="session")
def newscreator_base_files(
    pytestconfig: pytest.Config,
    newscreator_contract: Contract,
    newscreator_standin: bool,
) -> Mapping[str, Path]:
    """Base models to import from files on a stack started here: those given, and stand-ins for the others."""
    from pytest_newscreator.stack.base_files import given_files, standin_files
    from pytest_newscreator.stack.run import standins_folder

    given = given_files(pytestconfig.getoption("newscreator_base_files"), pytestconfig.invocation_params.dir)
    if not newscreator_standin:
        return given
    return {**standin_files(newscreator_contract, standins_folder()), **given}


@pytest.fixture(scope="session")
def newscreator_standin(pytestconfig: pytest.Config) -> bool:
    """Whether a stack started here serves tiny models of random weights under the declared names."""
    return bool(pytestconfig.getoption("newscreator_standin"))


@pytest.fixture(scope="session")
def newscreator_progress(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Where a start says what it waits for: one line, rewritten, on a terminal only."""
    from pytest_newscreator.report.progress import progress

    return progress(pytestconfig)


@pytest.fixture(scope="session")
def newscreator_stack(  # noqa: PLR0913, PLR0917 - each knob is a fixture
    pytestconfig: pytest.Config,
    newscreator_repository: Repository,
    newscreator_invocation: Invocation | None,
    newscreator_base_files: Mapping[str, Path],
    newscreator_pass_environment: Mapping[str, str],
    newscreator_progress: Callable[[str], None],
) -> Iterator[Stack]:
    """The running stack; one that was started here is removed at the end of the session, one that was found is not."""
    from dataclasses import replace

    from pytest_newscreator.observe.standins import standins
    from pytest_newscreator.stack import choose
    from pytest_newscreator.stack.model import Request

    request = Request(
        repository=newscreator_repository,
        invocation=newscreator_invocation,
        run=session.run_of(pytestconfig),
        passed=newscreator_pass_environment,
        base_files=newscreator_base_files,
        keep=pytestconfig.getoption("newscreator_keep"),
        progress=newscreator_progress,
    )
    first = newscreator_invocation or next(iter(newscreator_repository.contract.invocations.values()), None)
    brought = pytestconfig.hook.pytest_newscreator_backends(config=pytestconfig, repository=newscreator_repository)
    kind = pytestconfig.getoption("newscreator_stack")
    try:
        backends = [backend for backends in brought for backend in backends]
        stack = choose.start(kind, request, replace(request, invocation=first), backends)
    except NewscreatorError as error:
        session.give_up(kind, error)
    except Exception as error:
        from pytest_newscreator.stack import engine

        verdict = engine.translated(error)
        if verdict is None:
            raise
        session.give_up(kind, StackError(verdict.finding.message, fix=verdict.finding.fix))
    newscreator_progress("")
    stack = replace(stack, standin=standins(stack, newscreator_repository.contract))
    pytestconfig.stash[session.STACK] = stack
    yield stack
    stack.close()


@pytest.fixture
def newscreator_endpoint(newscreator_stack: Stack) -> Callable[[str], Endpoint]:
    """A function from a contract key to the running service."""

    def endpoint(key: str) -> Endpoint:
        found = newscreator_stack.endpoint(key)
        if found is None:
            pytest.fail(f"{key} does not run in this stack: {', '.join(newscreator_stack.endpoints)}", pytrace=False)
        return found

    return endpoint


@pytest.fixture
def newscreator_ollama(newscreator_contract: Contract, newscreator_stack: Stack) -> Iterator[ollama.Client]:
    """A client for the stack's first Ollama."""
    package = pytest.importorskip("ollama", reason="pip install 'pytest-newscreator[stack]'")
    url = _first_url(newscreator_contract, newscreator_stack, "ollama")
    with package.Client(host=url, timeout=ANSWER_S, trust_env=False) as client:
        yield client


@pytest.fixture
def newscreator_app_url(newscreator_contract: Contract, newscreator_stack: Stack) -> str:
    """The address of the stack's first http service."""
    return _first_url(newscreator_contract, newscreator_stack, "http")


@pytest.fixture
def newscreator_host(newscreator_stack: Stack) -> Callable[[str], Host]:
    """A function from a contract key to a testinfra host: inside the container, or this machine for a process."""
    testinfra: Any = pytest.importorskip("testinfra", reason="pip install 'pytest-newscreator[stack]'")

    def host(key: str) -> Host:
        endpoint = newscreator_stack.endpoint(key)
        container = endpoint.container if endpoint else None
        made: Host = testinfra.get_host(f"docker://{container}" if container else "local://")
        return made

    return host


def _first_url(contract: Contract, stack: Stack, kind: str) -> str:
    """Return the address of the first service of a kind that runs."""
    for service in contract.services.values():
        endpoint = stack.endpoint(service.key)
        if service.kind == kind and endpoint and endpoint.url:
            return endpoint.url
    pytest.fail(f"no {kind} service of the contract runs at an address that this machine reaches", pytrace=False)
