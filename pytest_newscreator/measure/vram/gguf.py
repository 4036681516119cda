"""The header of a GGUF, mapped and not read: a few milliseconds and no copy, however large the file is.

The format is ggml's `docs/gguf.md`, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any, Final

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.measure.vram.shapes import Shapes, Tensor, of_header

_TYPES: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K",
    13: "Q5_K", 14: "Q6_K", 30: "BF16",
}  # fmt: skip
_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_VERSIONS = (2, 3)
_MOST = 1_000_000


def read(path: Path) -> Shapes:
    """Return the shapes of a GGUF file; raises NewscreatorError for what is none, or is cut off."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return _Header(mapped).shapes()
    except (OSError, ValueError, struct.error, UnicodeDecodeError, MemoryError) as error:
        raise NewscreatorError(f"{path} cannot be read as a GGUF: {error}", fix="name a GGUF file") from None


class _Header:
    """A place in the mapped file, and what is read there."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped, self._at = mapped, 0

    def shapes(self) -> Shapes:
        """Return the shapes; vocabularies are stepped over."""
        if self._take("4s") != b"GGUF" or self._take("I") not in _VERSIONS:
            raise ValueError("it does not begin like one of version 2 or 3")
        tensors, keys = self._count(), self._count()
        info = {self._string(): self._value(self._take("I")) for _ in range(keys)}
        return of_header(info, [self._tensor() for _ in range(tensors)])

    def _take(self, form: str) -> Any:  # noqa: ANN401 - whatever the form says
        """Return one little-endian value."""
        (found,) = struct.unpack_from(f"<{form}", self._mapped, self._at)
        self._at += struct.calcsize(f"<{form}")
        return found

    def _count(self) -> int:
        """Return a number of entries; one that no header has is a file that is none."""
        found = int(self._take("Q"))
        if found > _MOST:
            raise ValueError(f"it counts {found} entries")
        return found

    def _string(self) -> str:
        """Return a text."""
        start = self._at + 8
        self._skip_string()
        return self._mapped[start : self._at].decode("utf-8")

    def _skip_string(self) -> None:
        """Step over a text."""
        self._step(int(self._take("Q")))

    def _step(self, size: int) -> None:
        """Go on by some bytes, never behind the end."""
        if size > len(self._mapped) - self._at:
            raise ValueError("it is cut off")
        self._at += size

    def _value(self, kind: int) -> Any:  # noqa: ANN401 - whatever the kind says
        """Return a value; of an array nothing is kept."""
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._take(_form(kind))
        inner, count = self._take("I"), self._count()
        if inner == _STRING:
            for _ in range(count):
                self._skip_string()
        else:
            self._step(count * struct.calcsize(f"<{_form(inner)}"))
        return None

    def _tensor(self) -> Tensor:
        """Return what the header says of one tensor."""
        name, dimensions = self._string(), self._take("I")
        if dimensions > 4:  # noqa: PLR2004 - ggml's GGML_MAX_DIMS
            raise ValueError(f"{name} has {dimensions} dimensions")
        shape = tuple(self._take("Q") for _ in range(dimensions))
        kind, _ = self._take("I"), self._take("Q")
        return Tensor(name, _TYPES.get(kind, str(kind)), shape)


def _form(kind: int) -> str:
    """Return how `struct` calls a scalar type."""
    if kind not in _SCALARS:
        raise ValueError(f"it has a value of type {kind}")
    return _SCALARS[kind]
