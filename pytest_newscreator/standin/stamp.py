"""The mark by which a stand-in is known: a key in the GGUF's header that Ollama passes on in `/api/show`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STAMP_KEY = "newscreator.standin"
SEED_KEY = "newscreator.standin.seed"

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
# Bytes of each scalar type of the GGUF specification, by its number.
_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def is_standin(model_info: Mapping[str, object]) -> str | None:
    """Return the stamp in the `model_info` of `/api/show` (`tiny`, `gemma3-4b shapes`), None for a real model."""
    stamp = model_info.get(STAMP_KEY)
    return str(stamp) if stamp else None


def read_stamp(path: Path) -> str | None:
    """Return the stamp of a GGUF file, None for a real model; only the header is read, and no weights.

    Raises SourceError where the file is not a GGUF of version 2 or 3, or ends within its header.
    """
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            message = "not a GGUF file, its first bytes should be GGUF"
            raise SourceError(message, place=Place(str(path)))
        try:
            return _find_stamp(file)
        except (struct.error, KeyError) as error:
            message = "the GGUF header is broken or cut off"
            raise SourceError(message, place=Place(str(path))) from error


def _find_stamp(file: BinaryIO) -> str | None:
    """Walk over the keys of a header until the stamp."""
    _version, _tensors, keys = struct.unpack("<IQQ", file.read(20))
    for _ in range(keys):
        key = _string(file)
        kind = _number(file, "<I")
        if key == STAMP_KEY.encode() and kind == _STRING:
            return _string(file).decode()
        _skip(file, kind)
    return None


def _skip(file: BinaryIO, kind: int) -> None:
    """Step over one value of a header."""
    if kind == _STRING:
        _string(file)
    elif kind == _ARRAY:
        inner, count = _number(file, "<I"), _number(file, "<Q")
        if inner in _SCALAR_BYTES:
            file.seek(_SCALAR_BYTES[inner] * count, 1)
        else:
            for _ in range(count):
                _skip(file, inner)
    else:
        file.seek(_SCALAR_BYTES[kind], 1)


def _string(file: BinaryIO) -> bytes:
    """Read a string: its length in bytes, and the bytes."""
    length = _number(file, "<Q")
    content = file.read(length) if length < 1 << 32 else b""
    if len(content) != length:
        raise struct.error
    return content


def _number(file: BinaryIO, layout: str) -> int:
    """Read one unsigned integer."""
    value: int = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return value
