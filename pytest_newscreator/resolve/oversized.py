"""Files that are too large to be read, which nobody may take for read: those that may say something of the contract."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from pathlib import Path

from pytest_newscreator.contract.model import Contract
from pytest_newscreator.places import Place
from pytest_newscreator.sources.sites import Read

_DATA = frozenset({".json", ".jsonc", ".json5", ".ipynb", ".sql"})
"""Kinds that are large because they hold records, hardly ever settings."""
_PIECE = 2**20
_MOST_SEARCHED = 64 * 2**20


def unread(path: str) -> Read:
    """Return what is known of a file that is too large: that it is not."""
    return Read(problems=((Place(path), "is larger than 2 MB and not read, its defaults and literals are not known"),))


def matters(root: Path, path: str, contract: Contract) -> bool:
    """Tell whether a large file has to be told: any program or settings, and data that names what is declared."""
    if posixpath.splitext(path)[1].lower() not in _DATA:
        return True
    return _names_any(root / path, {name.lower().encode() for name in _declared(contract)})


def _declared(contract: Contract) -> Iterable[str]:
    """Return the names of the contract: settings, switches and models, those of old included."""
    for service in contract.services.values():
        yield from (setting.name for setting in service.settings.values())
    for model in contract.models.values():
        yield from filter(None, (*model.names, *model.retired, model.rollback, model.switch))


def _names_any(file: Path, names: set[bytes]) -> bool:
    """Tell whether a file has one of some names in it, in any case; far behind its beginning nobody looks."""
    longest = max(map(len, names), default=0)
    before = b""
    try:
        with file.open("rb") as opened:
            for _ in range(_MOST_SEARCHED // _PIECE):
                piece = opened.read(_PIECE).lower()
                if not piece:
                    break
                if any(name in before + piece for name in names):
                    return True
                before = piece[-longest:]
    except OSError:
        return True
    return False
