"""JSON that stays one line for everybody: some readers end a line at more characters than a line feed."""

from __future__ import annotations

# Python's str.splitlines, and with it httpx and requests, breaks at these; JSON writers leave them as they are.
_LINE_BREAKS = {ord(char): f"\\u{ord(char):04x}" for char in "\u0085\u2028\u2029"}


def one_line(json_text: str) -> str:
    """Return `json_text`, or a part of it, with every line break of Unicode inside its strings escaped."""
    return json_text.translate(_LINE_BREAKS)
