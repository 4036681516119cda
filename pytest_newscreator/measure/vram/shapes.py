"""The shapes of a model, from `POST /api/show` or from the table of bases that ships."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from pytest_newscreator.data import FOLDER
from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.standin.stamp import is_standin

FILE: Final = FOLDER / "vram_shapes.json"

BLOCKS: Final[Mapping[str, tuple[int, int]]] = {
    "F32": (1, 4), "F16": (1, 2), "BF16": (1, 2), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22),
    "Q5_1": (32, 24), "Q8_0": (32, 34), "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144),
    "Q5_K": (256, 176), "Q6_K": (256, 210),
}  # fmt: skip
"""Elements and bytes of one block of each type (ggml-common.h)."""

FLOATS: Final = frozenset({"F32", "F16", "BF16"})
"""The types that are not quantised."""

_SIZES = {
    "layers": "block_count", "context": "context_length", "width": "embedding_length",
    "feed_forward": "feed_forward_length", "heads": "attention.head_count", "kv_heads": "attention.head_count_kv",
    "key_width": "attention.key_length", "value_width": "attention.value_length", "window": "attention.sliding_window",
}  # fmt: skip


@frozen
class Tensor:
    """One tensor of a model: its type by ggml's name, and its dimensions, the row length first."""

    name: str
    type: str
    shape: tuple[int, ...]


@frozen
class Shapes:
    """What a forecast needs of a model; widths and the window in elements and tokens, as the GGUF header has them."""

    architecture: str
    layers: int
    context: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    key_width: int
    value_width: int
    window: int
    tensors: tuple[Tensor, ...]
    standin: str | None = None

    @property
    def has_vision(self) -> bool:
        """Return whether the file holds a vision tower."""
        return any(tensor.name.startswith("v.") for tensor in self.tensors)


def from_show(answer: Mapping[str, Any]) -> Shapes:
    """Return the shapes in an answer of `POST /api/show`, not verbose: its `model_info` and `tensors`.

    Raises NewscreatorError where the answer lacks them, as that of a model in the cloud does.
    """
    try:
        tensors = [Tensor(one["name"], one["type"], tuple(one["shape"])) for one in answer["tensors"]]
        return of_header(answer["model_info"], tensors)
    except (KeyError, TypeError) as error:
        raise NewscreatorError(f"/api/show tells no shapes: {error} is missing", fix="ask for a local model") from None


def of_header(info: Mapping[str, Any], tensors: Sequence[Tensor]) -> Shapes:
    """Return the shapes in the metadata and the tensors of a GGUF; raises NewscreatorError for what is no gemma3."""
    architecture = str(info.get("general.architecture", "of no name"))
    if architecture != "gemma3":
        raise NewscreatorError(f"the architecture {architecture} is not forecast", fix="forecasts are for gemma3")
    keys = {size: f"{architecture}.{key}" for size, key in _SIZES.items()}
    missing = [key for key in keys.values() if not isinstance(info.get(key), int)]
    if missing:
        raise NewscreatorError(f"the metadata lacks {' and '.join(missing)}", fix="make the GGUF again")
    unknown = sorted({tensor.type for tensor in tensors} - BLOCKS.keys())
    if unknown:
        raise NewscreatorError(f"tensors of type {' and '.join(unknown)} are not forecast", fix="see docs/forecast.md")
    sizes = {size: int(info[key]) for size, key in keys.items()}
    return Shapes(architecture, **sizes, tensors=tuple(tensors), standin=is_standin(info))


def known(base: str) -> Shapes | None:
    """Return the shapes of a base by its name, None for one that the table does not have."""
    return next((_shipped(name) for name in _table() if names.same(name, base)), None)


def row_bytes(kind: str, elements: int) -> int:
    """Return the bytes of some elements of a type, in whole blocks."""
    size, stored = BLOCKS[kind]
    return math.ceil(elements / size) * stored


@cache
def _table() -> Mapping[str, Any]:
    """Return the data file's bases."""
    facts: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["bases"]
    return facts


@cache
def _shipped(name: str) -> Shapes:
    """Return a base of the table."""
    entry = _table()[name]
    return of_header(entry["model_info"], tuple(_expanded(entry["tensors"])))


def _expanded(rows: Sequence[Sequence[Any]]) -> Iterator[Tensor]:
    """Yield the tensors of rows like `blk.*.attn_q.weight, Q4_0, [2560, 2048], [0, 34]`, the last being layers.

    Layers are pairs of the first and the one behind the last; a row without them is one tensor.
    """
    for name, kind, shape, *ranges in rows:
        layers = [layer for first, end in ranges for layer in range(first, end)]
        for full in [name.replace("*", str(layer)) for layer in layers] or [name]:
            yield Tensor(full, kind, tuple(shape))
