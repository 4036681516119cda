"""The performance twin: a model's true shapes around random weights, for speed and memory depend on nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.standin import vocabulary
from pytest_newscreator.standin.container import (
    BLOCKS,
    Architecture,
    Quantization,
    Standin,
    Tensor,
    gguf_package,
    random_bytes,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SHAPES = {
    "gemma3-4b": Architecture(layers=34, width=2560, feed_forward=10240, heads=8, kv_heads=4, head_width=256),
}
VOCABULARY = 262144

# A prime number of blocks, so that no two rows of a matrix start at the same block: equal rows would be equal tokens.
_POOL_BLOCKS = 131_071
_HALF = 2
# float16 as bits: the scales of quantised blocks lie in 2^-10..2^-9, half-precision weights in 2^-6..2^-5 with a sign.
_SCALE_BITS, _SCALE_MASK = 0x1400, 0x03FF
_WEIGHT_BITS, _WEIGHT_MASK = 0x2400, 0x83FF


def write_shapes(
    path: Path,
    *,
    seed: int,
    model: str = "gemma3-4b",
    quantization: Quantization = "Q4_0",
    embedding: Quantization | None = None,
) -> Standin:
    """Write a GGUF with the true shapes of `model`, 2.2 GB for gemma3-4b in Q4_0; its answers mean nothing.

    `embedding` is the type of the token embedding where it is another one: Google's QAT files have F16 (3.2 GB).
    The same seed gives the same bytes. Raises NewscreatorError for an unknown model, without the `gguf` package, or
    for a type that cannot be made of raw random blocks.
    """
    gguf_package()
    if model not in SHAPES:
        message = f"no shapes of {model!r} are known, they should be those of {', '.join(SHAPES)}"
        raise NewscreatorError(message)
    shape = SHAPES[model]
    pools = {kind: _pool(seed, kind) for kind in (quantization, embedding or quantization)}
    standin = Standin(path, model, f"{model} shapes", seed, quantization, 0)
    tensors = _tensors(shape, quantization, embedding or quantization, lambda tensor: _chunks(tensor, seed, pools))
    return write(standin, shape, vocabulary.sized(VOCABULARY), list(tensors))


def _tensors(
    shape: Architecture,
    quantization: Quantization,
    embedding: Quantization,
    fill: Callable[[Tensor], Iterable[bytes]],
) -> Iterator[Tensor]:
    """Yield every tensor of the model, the output being tied to the embedding."""

    def tensor(name: str, dimensions: tuple[int, ...], kind: Quantization) -> Tensor:
        bare = Tensor(f"{name}.weight", dimensions, kind, tuple)
        return Tensor(bare.name, dimensions, kind, lambda: fill(bare))

    yield tensor("token_embd", (VOCABULARY, shape.width), embedding)
    yield tensor("output_norm", (shape.width,), "F32")
    for layer in range(shape.layers):
        for part, dimensions in _layer(shape).items():
            yield tensor(f"blk.{layer}.{part}", dimensions, quantization if len(dimensions) > 1 else "F32")


def _layer(shape: Architecture) -> dict[str, tuple[int, ...]]:
    """Return the tensors of one block and their dimensions, the outer one first."""
    width, inner, keys = shape.width, shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    return {
        "attn_norm": (width,),
        "attn_q": (inner, width),
        "attn_k": (keys, width),
        "attn_v": (keys, width),
        "attn_output": (width, inner),
        "attn_q_norm": (shape.head_width,),
        "attn_k_norm": (shape.head_width,),
        "post_attention_norm": (width,),
        "ffn_norm": (width,),
        "ffn_gate": (shape.feed_forward, width),
        "ffn_up": (shape.feed_forward, width),
        "ffn_down": (width, shape.feed_forward),
        "post_ffw_norm": (width,),
    }


def _chunks(tensor: Tensor, seed: int, pools: dict[Quantization, bytes]) -> Iterator[bytes]:
    """Yield a tensor's bytes: the pool again and again, from a start of the tensor's own."""
    if tensor.quantization == "F32":
        yield _norm(seed, tensor)
        return
    pool = memoryview(pools[tensor.quantization])
    block_bytes = BLOCKS[tensor.quantization][1]
    start = int.from_bytes(random_bytes(seed, tensor.name, 8), "big") % (len(pool) // block_bytes) * block_bytes
    left = tensor.size_bytes
    while left:
        chunk = pool[start : start + left]
        yield bytes(chunk)
        left -= len(chunk)
        start = 0


def _norm(seed: int, tensor: Tensor) -> bytes:
    """Return a norm's weights, between a half and one and a half."""
    import numpy as np

    raw = np.frombuffer(random_bytes(seed, tensor.name, 4 * math.prod(tensor.shape)), dtype="<u4")
    return bytes((raw / 2.0**32 + 0.5).astype("<f4").tobytes())


def _pool(seed: int, quantization: Quantization) -> bytes:
    """Return random blocks of a type, with scales that keep every weight small and finite."""
    import numpy as np

    if quantization == "F32":
        message = "a twin in F32 cannot be made, it should be Q4_0, Q8_0 or F16"
        raise NewscreatorError(message)
    weights, block_bytes = BLOCKS[quantization]
    count = _POOL_BLOCKS * (1 if weights > 1 else 8)
    raw = np.frombuffer(random_bytes(seed, quantization, count * block_bytes), dtype=np.uint8).copy()
    bits = raw.reshape(count, block_bytes)[:, :_HALF].copy().view("<u2")
    mask, fixed = (_SCALE_MASK, _SCALE_BITS) if weights > 1 else (_WEIGHT_MASK, _WEIGHT_BITS)
    raw.reshape(count, block_bytes)[:, :_HALF] = ((bits & mask) | fixed).view(np.uint8)
    return raw.tobytes()
