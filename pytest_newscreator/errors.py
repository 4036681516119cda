"""What can go wrong before a verdict is possible.

NewscreatorError
├── SourceError            a file cannot be read or parsed
│   └── ContractError      newscreator.yaml is not a contract
├── ResolutionError        Compose would refuse this project
├── StackError             the stack cannot be had, started or reached
└── ServerError            an Ollama server did not answer well (observe/ollama.py)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_newscreator.places import Place


class NewscreatorError(Exception):
    """The root of every error this package raises on purpose: one line of cause, then what to do."""

    def __init__(self, message: str, *, place: Place | None = None, fix: str = "") -> None:
        """Keep the parts apart, so that reports can lay them out."""
        super().__init__(message)
        self.message = message
        self.place = place
        self.fix = fix

    def __str__(self) -> str:
        """Render as `place: message`, with the way out on a line of its own."""
        first = f"{self.place}: {self.message}" if self.place else self.message
        return f"{first}\n  do: {self.fix}" if self.fix else first


class SourceError(NewscreatorError):
    """A file of the repository cannot be read or parsed."""


class ContractError(SourceError):
    """`newscreator.yaml` is not a valid contract; carries the place of the offending key or value."""


class ResolutionError(NewscreatorError):
    """Compose itself would refuse this project, so nothing can be said about its values."""


class StackError(NewscreatorError):
    """The stack cannot be had, started or reached."""
