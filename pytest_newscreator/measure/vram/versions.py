"""Which releases of Ollama a forecast speaks of."""

from __future__ import annotations

import re
from typing import Final

FIRST: Final = (0, 12)
LAST: Final = (0, 24)
"""The releases whose own engine runs gemma3; the rules were read in 0.14.3 and in 0.24.0, and are the same."""

_FLASH_SINCE: Final = (0, 14)
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.\d+")


def unforecast(version: str | None) -> str | None:
    """Return why nothing is forecast for a release, None for one that is."""
    found = _release(version)
    if found is None:
        return "the release of its Ollama is not known, and the rules differ between releases"
    if FIRST <= found <= LAST:
        return None
    return f"Ollama {version} is not forecast: the rules are those of 0.12 to 0.24, and from 0.30 on of llama-server"


def has_flash_attention(text: str, version: str | None) -> bool | None:
    """Return whether gemma3 runs with flash attention; `text` is `true`, `false` or else unset, as Ollama reads it.

    None where a release before 0.14 decides by itself: its list of architectures was not read.
    """
    if text in {"true", "false"}:
        return text == "true"
    found = _release(version)
    return True if found is not None and found >= _FLASH_SINCE else None


def _release(version: str | None) -> tuple[int, int] | None:
    """Return the first two numbers of a release."""
    found = _VERSION.match(version or "")
    return (int(found[1]), int(found[2])) if found else None
