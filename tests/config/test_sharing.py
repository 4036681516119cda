"""Invocations of the same files share what their variables do not change, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_newscreator.resolve.compose.loading import Parsed
from pytest_newscreator.resolve.compose.project import Project, load_project

COMPOSE = """
include: [more.yaml]
services:
  a:
    image: a:${TAG:-1}
    environment:
      MODEL: ${MODEL:-m}
      LATER: ${LATER}
      PASSED:
    env_file: [{path: a.env, required: false}]
  b:
    image: b
    environment: ["MODEL=${MODEL-n}", BARE]
    build: {context: ., args: {BARE: null}}
  c:
    image: c:${NESTED:-${TAG:-2}}
    ports: ["${PORT:-80}:80", "${PORT:-80}:80"]
  e:
    image: e
    environment: {TAG: "${TAG:-4}"}
"""
MORE = """
services:
  d: {image: "d:${TAG:-3}", environment: {X: "1"}}
"""
OVER = """
services:
  c: {ports: !override ["1:1"], image: !reset null, build: .}
  d: {environment: {MODEL: "${MODEL:?set it}"}}
"""
SHELLS = (
    {},
    {"MODEL": "x"},
    {"MODEL": ""},
    {"TAG": "7"},
    {"NESTED": "n"},
    {"LATER": "l", "BARE": "b"},
    {"PASSED": "p"},
    {"PORT": "81"},
    {},
    {"MODEL": "x"},
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write the files of a project."""
    for name, text in (("compose.yaml", COMPOSE), ("more.yaml", MORE), ("over.yaml", OVER)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "a.env").write_text("FROM_FILE=${MODEL:-none}\n", encoding="utf-8")
    return tmp_path


def loaded(root: Path, shell: dict[str, str], parsed: Parsed, *, files: tuple[str, ...], dialect: str) -> Project:
    """Load a project, with `MODEL` set where a file requires it."""
    needed = {"MODEL": "needed"} if "over.yaml" in files else {}
    return load_project(root, files=files, environment={**needed, **shell}, parsed=parsed, dialect=dialect)


@pytest.mark.parametrize("dialect", ["2.40", "5.1"])
def test_sharing_changes_no_project(root: Path, dialect: str) -> None:
    """Each is what it is when it is read alone, with its warnings, whatever was read before it."""
    shared = Parsed()
    for shell in SHELLS:
        for files in (("compose.yaml",), ("compose.yaml", "over.yaml")):
            if "over.yaml" in files and not shell.get("MODEL", "given"):
                continue  # `:?` refuses it, shared or not
            alone = loaded(root, shell, Parsed(), files=files, dialect=dialect)
            assert loaded(root, shell, shared, files=files, dialect=dialect) == alone


def test_a_dotenv_file_that_is_not_read_belongs_to_its_invocation(root: Path) -> None:
    """What it would have said stands in the chain of a value, and only there."""
    (root / ".env").write_text("MODEL=of-env\n", encoding="utf-8")
    (root / "other.env").write_text("TAG=8\n", encoding="utf-8")
    shared = Parsed()
    for env_files, shell in (((), {}), (("other.env",), {}), ((), {"COMPOSE_DISABLE_ENV_FILE": "1"})):
        alone = load_project(root, files=["compose.yaml"], env_files=env_files, environment=shell)
        together = load_project(root, files=["compose.yaml"], env_files=env_files, environment=shell, parsed=shared)
        assert together == alone


def test_a_service_that_names_no_changed_variable_is_made_once(root: Path) -> None:
    """One that does, or that reads an env_file, is made for each invocation."""
    shared = Parsed()
    first, second = (load_project(root, files=["compose.yaml"], environment=e, parsed=shared) for e in ({}, SHELLS[1]))
    same = {name for name in first.services if first.services[name] is second.services[name]}
    assert same == {"d", "e"}
