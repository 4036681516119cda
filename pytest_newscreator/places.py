"""Where something stands: the file, line and column every finding is pinned to."""

from __future__ import annotations

from pytest_newscreator.frozen import frozen


@frozen(order=True)
class Place:
    """A position in a file of the repository; lines and columns count from 1, 0 means unknown."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Render as `path:line:column`, the form that editors and terminals make clickable."""
        parts = [self.path, *(str(part) for part in (self.line, self.column) if part)]
        return ":".join(parts)
