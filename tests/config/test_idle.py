"""What the plugin costs where it is not used, and what a session of config checks leaves alone."""

from __future__ import annotations

import shutil
import sys
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


def modules(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *options: str) -> frozenset[str]:
    """Return what a session in a process of its own has imported at its end, without other plugins."""
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)
    (pytester.path / "list_modules.py").write_text(LIST_MODULES, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "list_modules", "-p", "no:cacheprovider", *options]
    result = pytester.run(*command)
    assert result.ret in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    return frozenset((pytester.path / "modules.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("options", [("--collect-only",), ()], ids=["collecting", "running"])
def test_an_idle_session_imports_the_plugin_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Without a contract: our three modules, and not one that a session without us does not have."""
    pytester.makepyfile(test_trivial="def test_trivial():\n    pass\n")
    bare = modules(pytester, monkeypatch, *options)
    ours = modules(pytester, monkeypatch, "-p", "pytest_newscreator.plugin", *options)
    assert {name for name in ours if name.partition(".")[0] == "pytest_newscreator"} <= OWN
    assert ours - bare <= OWN


def test_a_session_of_config_checks_imports_nothing_heavy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, reference_copy: Path
) -> None:
    """The whole reference stack is judged by the base install: no Docker client, no HTTP client, no numbers."""
    shutil.copytree(reference_copy, pytester.path, dirs_exist_ok=True)
    options = ("-p", "pytest_newscreator.plugin", "newscreator.yaml", "-m", "config")
    loaded = {name.partition(".")[0] for name in modules(pytester, monkeypatch, *options)}
    assert not loaded & set(HEAVY)
    assert "pytest_newscreator" in loaded


def test_a_session_of_config_checks_needs_only_the_declared_packages(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, reference_copy: Path
) -> None:
    """What is imported beside pytest and the standard library is a dependency of the base install."""
    shutil.copytree(reference_copy, pytester.path, dirs_exist_ok=True)
    bare = modules(pytester, monkeypatch, "--collect-only")
    loaded = modules(pytester, monkeypatch, "-p", "pytest_newscreator.plugin", "newscreator.yaml", "-m", "config")
    foreign = {name.partition(".")[0] for name in loaded - bare} - sys.stdlib_module_names
    foreign = {name for name in foreign if "cython" not in name}  # the runtime inside PyYAML's C loader
    assert foreign <= {"pytest_newscreator", "yaml", "_yaml", "tree_sitter", "tree_sitter_bash", "pygments"}
