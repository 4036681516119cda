"""What one pytest session holds for us: switched on once, when a contract is in play."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from pytest_newscreator.errors import StackError
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.sites import Reader
from pytest_newscreator.stack.model import Stack

ACTIVE = pytest.StashKey[bool]()
REPOSITORIES = pytest.StashKey[dict[Path, Repository]]()
STACK = pytest.StashKey[Stack]()


class StackFailed(pytest.fail.Exception):  # type: ignore[name-defined, misc] # a class, held by a function
    """The stack did not come up: reported whole by the first item that needs it, by reference by the others."""


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


def give_up(kind: str, message: str) -> NoReturn:
    """End on a stack that cannot be had: an explicit kind ends the run with exit code 4, `auto` fails the item."""
    if kind == "auto":
        raise StackFailed(message, pytrace=False)
    pytest.exit(message, returncode=pytest.ExitCode.USAGE_ERROR)


def settle(config: pytest.Config) -> None:
    """Raise `UsageError` where an option names what no collected contract has, before anything starts."""
    from pytest_newscreator.stack import choose

    name = config.getoption("newscreator_invocation")
    kind = config.getoption("newscreator_stack")
    for repository in config.stash[REPOSITORIES].values():
        declared = repository.contract.invocations
        if name is not None and name not in declared:
            known = ", ".join(declared) or "none"
            raise pytest.UsageError(f"--newscreator-invocation {name} is not declared, the contract declares {known}")
        brought = config.hook.pytest_newscreator_backends(config=config, repository=repository)
        try:
            choose.backend(kind, [backend for backends in brought for backend in backends])
        except StackError as error:
            raise pytest.UsageError(str(error)) from None
