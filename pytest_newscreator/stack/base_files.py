"""Base models as files: those named on the command line, and stand-ins of random weights."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from pytest_newscreator.contract.model import Contract
from pytest_newscreator.errors import StackError
from pytest_newscreator.standin.tiny import write_for


def given_files(options: Iterable[str], folder: Path) -> dict[str, Path]:
    """Read `NAME=PATH` options, paths relative to `folder`; raises `StackError` where one names no file."""
    found: dict[str, Path] = {}
    for option in options:
        name, separator, path = option.partition("=")
        file = (folder / path).resolve()
        if not (name and separator and file.is_file()):
            raise StackError(f"--newscreator-base-file {option} names no file", fix="write NAME=PATH to a GGUF")
        found[name] = file
    return found


def standin_files(contract: Contract, folder: Path) -> dict[str, Path]:
    """Write a tiny stand-in for every base and rollback base that an Ollama of the contract serves.

    A file that is there already is taken as it is: what stands in for a name never changes within a version.
    """
    found: dict[str, Path] = {}
    for model in contract.models.values():
        service = contract.services.get(model.service or "")
        if service is None or service.kind != "ollama":
            continue
        for name in (model.base, *filter(None, [model.rollback])):
            file = folder / f"{name.replace('/', '_').replace(':', '_')}.gguf"
            if not file.exists():
                _write(file, name)
            found[name] = file
    return found


def _write(file: Path, name: str) -> None:
    """Write a stand-in whole or not at all: several runs may want the same one at a time."""
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as unfinished:
        part = Path(unfinished.name)
    try:
        write_for(part, name)
        part.chmod(0o644)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
