"""What the plugin costs where it is not used, and what a session of config checks leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

OWN = {"pytest_newscreator", "pytest_newscreator.plugin", "pytest_newscreator.hookspecs"}
HEAVY = ("docker", "testinfra", "ollama", "httpx", "numpy", "gguf", "pydantic", "typer", "rich", "jinja2")
LIST_MODULES = """
import sys

def pytest_unconfigure(config):
    with open("modules.txt", "w") as file:
        file.write("\\n".join(sys.modules))
"""
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


Modules = Callable[..., frozenset[str]]


def imported(folder: Path, options: tuple[str, ...]) -> frozenset[str]:
    """Return what a session in a process of its own has imported at its end, without other plugins."""
    (folder / "list_modules.py").write_text(LIST_MODULES, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "list_modules", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, check=False, cwd=folder, env={**os.environ, **ALONE}, capture_output=True, text=True)
    assert done.returncode in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}, done.stdout + done.stderr
    return frozenset((folder / "modules.txt").read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """A function from options to what such a session imports beside one trivial test, each tried once."""

    @cache
    def of(*options: str) -> frozenset[str]:
        folder = tmp_path_factory.mktemp("idle")
        (folder / "test_trivial.py").write_text("def test_trivial():\n    pass\n", encoding="utf-8")
        return imported(folder, options)

    return of


@pytest.fixture(scope="session")
def judging(tmp_path_factory: pytest.TempPathFactory, reference_copy: Path) -> frozenset[str]:
    """What a session imports that judges the whole reference stack."""
    folder = tmp_path_factory.mktemp("judging")
    shutil.copytree(reference_copy, folder, dirs_exist_ok=True)
    return imported(folder, ("-p", "pytest_newscreator.plugin", "newscreator.yaml", "-m", "config"))


@pytest.mark.parametrize("options", [("--collect-only",), ()], ids=["collecting", "running"])
def test_an_idle_session_imports_the_plugin_alone(modules: Modules, options: tuple[str, ...]) -> None:
    """Without a contract: our three modules, and not one that a session without us does not have."""
    bare = modules(*options)
    ours = modules("-p", "pytest_newscreator.plugin", *options)
    assert {name for name in ours if name.partition(".")[0] == "pytest_newscreator"} <= OWN
    assert ours - bare <= OWN


def test_a_session_of_config_checks_imports_nothing_heavy(judging: frozenset[str]) -> None:
    """The whole reference stack is judged by the base install: no Docker client, no HTTP client, no numbers."""
    loaded = {name.partition(".")[0] for name in judging}
    assert not loaded & set(HEAVY)
    assert "pytest_newscreator" in loaded


def test_a_session_of_config_checks_needs_only_the_declared_packages(modules: Modules, judging: frozenset[str]) -> None:
    """What is imported beside pytest and the standard library is a dependency of the base install."""
    foreign = {name.partition(".")[0] for name in judging - modules("--collect-only")} - sys.stdlib_module_names
    foreign = {name for name in foreign if "cython" not in name}  # the runtime inside PyYAML's C loader
    assert foreign <= {"pytest_newscreator", "yaml", "_yaml", "tree_sitter", "tree_sitter_bash", "pygments"}
