"""The pytest hooks, and nothing else: whatever is heavy is imported where a contract is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator import CONTRACT_NAME

if TYPE_CHECKING:
    from pathlib import Path

MARKERS = (
    "config: needs no daemon and no network, takes seconds (pytest-newscreator)",
    "infra: needs a running stack (pytest-newscreator)",
    "gpu: needs an NVIDIA host (pytest-newscreator)",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; each has our prefix and an explicit dest."""
    group = parser.getgroup("newscreator", "conformance of a self-hosted LLM stack")
    group.addoption(
        "--newscreator-stack",
        dest="newscreator_stack",
        metavar="KIND",
        default="auto",
        help="auto (attach, else compose, else process), compose, process, attach, none, or a URL (default: auto)",
    )
    group.addoption(
        "--newscreator-invocation",
        dest="newscreator_invocation",
        metavar="NAME",
        default=None,
        help="the invocation of the contract that the stack is started by or compared with (default: the first)",
    )
    group.addoption(
        "--newscreator-keep",
        dest="newscreator_keep",
        action="store_true",
        default=False,
        help="keep a stack that was started here, and say how to remove it",
    )
    group.addoption(
        "--newscreator-require",
        dest="newscreator_require",
        metavar="NAMES",
        default=None,
        help="docker,ollama,gpu,...: what must be verifiable here; its absence is an error (NEWSCREATOR_REQUIRE)",
    )
    group.addoption(
        "--newscreator-report",
        dest="newscreator_report",
        metavar="DIR",
        default=None,
        help="write verdicts.json into this folder",
    )
    group.addoption(
        "--newscreator-standin",
        dest="newscreator_standin",
        action="store_true",
        default=False,
        help="serve tiny models of random weights under the declared names, on a stack started here; verdicts say so",
    )
    group.addoption(
        "--newscreator-base-file",
        dest="newscreator_base_files",
        metavar="NAME=PATH",
        action="append",
        default=[],
        help="import this base from a GGUF instead of pulling it, on a stack started here (repeatable)",
    )
    parser.addini(
        "newscreator_pass_environment",
        type="args",
        default=[],
        help="names of this machine's variables that a stack started here may see (a CA bundle for builds, say)",
    )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others may implement."""
    from pytest_newscreator import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; where a contract is in play, collect it and switch the fixtures and reports on."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    contract = config.rootpath / CONTRACT_NAME
    if contract.is_file():
        _collect_by_default(config, contract)
    elif not (_named_on_the_command_line(config) or config.option.help or config.option.showfixtures):
        return
    from pytest_newscreator.activation import activate

    activate(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the checks of a contract."""
    if file_path.name != CONTRACT_NAME:
        return None
    from pytest_newscreator import activation, collect

    activation.activate(parent.config)
    return collect.ContractFile.from_parent(parent, path=file_path)


def _named_on_the_command_line(config: pytest.Config) -> bool:
    """Return whether an argument names a contract, or an option of ours asks for one."""
    if any(CONTRACT_NAME in argument for argument in config.args):
        return True
    asked = [name for name in ("stack", "invocation", "report", "standin") if _is_set(config, name)]
    if asked and config.args_source is not pytest.Config.ArgsSource.ARGS:
        message = f"--newscreator-{asked[0]} is given, and there is no {CONTRACT_NAME} in {config.rootpath}"
        raise pytest.UsageError(f"{message}\n  do: write one; four lines start it (README, 'A first contract')")
    return bool(asked)


def _is_set(config: pytest.Config, name: str) -> bool:
    """Return whether an option differs from its default."""
    return config.getoption(f"newscreator_{name}") not in (None, False, "auto")


def _collect_by_default(config: pytest.Config, contract: Path) -> None:
    """Add the contract to what pytest collects, unless paths were given on the command line."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return
    folders = [config.invocation_params.dir / argument for argument in config.args]
    if not any(contract == folder or folder in contract.parents for folder in folders):
        config.args.append(str(contract))
