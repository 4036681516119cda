"""The tiny stand-in: a gemma3 of about 1 MB that loads at once, reads any text, speaks visibly and ends by itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pytest_newscreator.standin import vocabulary
from pytest_newscreator.standin.container import (
    Architecture,
    Quantization,
    Standin,
    Tensor,
    gguf_package,
    random_bytes,
    seed_of,
    write,
)
from pytest_newscreator.standin.utterance import Grammar, grammar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAMP = "tiny"
SHAPE = Architecture(layers=6, width=64, feed_forward=128, heads=2, kv_heads=1, head_width=64)

# Deviations. A block's output is normalised and then scaled by its post norm: small there, it hardly disturbs what
# the token embedding says, and the more so the answer differs a little with the prompt.
_EMBEDDING_NOISE = 0.05
_OUTPUT_NOISE = 0.01
_MATRIX = 0.1
_NORM_NOISE = 0.02
_POST_NORM = 0.003


def write_tiny(path: Path, *, seed: int, name: str, quantization: Quantization = "Q8_0") -> Standin:
    """Write the tiny stand-in under `name`; the same seed gives the same bytes, another seed another digest.

    `quantization` is that of the layers' matrices; embeddings stay F16, as in Google's QAT files. Raises
    NewscreatorError without the `gguf` package.
    """
    gguf_package()
    rules = grammar()
    words = vocabulary.tiny(rules.words)
    standin = Standin(path, name, STAMP, seed, quantization, 0)
    return write(standin, SHAPE, words, list(_tensors(seed, quantization, words, rules)))


def write_for(path: Path, name: str) -> Standin:
    """Write the tiny stand-in for a model's name, which gives it its seed and, for a QAT name, Q4_0."""
    return write_tiny(path, seed=seed_of(name), name=name, quantization="Q4_0" if "qat" in name.lower() else "Q8_0")


def _tensors(seed: int, quantization: Quantization, words: vocabulary.Vocabulary, rules: Grammar) -> Iterator[Tensor]:
    """Yield the tensors of the model."""
    shape = (len(words.tokens), SHAPE.width)
    yield Tensor("token_embd.weight", shape, "F16", lambda: [_packed(_embedding(seed, words, rules), "F16")])
    for layer in range(SHAPE.layers):
        yield from _layer(seed, layer, quantization)
    yield _norm(seed, "output_norm.weight", SHAPE.width, 1.0)
    yield Tensor("output.weight", shape, "F16", lambda: [_packed(_output(seed, words, rules), "F16")])


def _layer(seed: int, layer: int, quantization: Quantization) -> Iterator[Tensor]:
    """Yield the tensors of one block."""
    width, inner = SHAPE.width, SHAPE.heads * SHAPE.head_width
    keys = SHAPE.kv_heads * SHAPE.head_width
    for part in ("attn_norm", "ffn_norm", "post_attention_norm", "post_ffw_norm"):
        yield _norm(seed, f"blk.{layer}.{part}.weight", width, _POST_NORM if part.startswith("post") else 1.0)
    for part in ("attn_q_norm", "attn_k_norm"):
        yield _norm(seed, f"blk.{layer}.{part}.weight", SHAPE.head_width, 1.0)
    matrices = {"attn_q": (inner, width), "attn_k": (keys, width), "attn_v": (keys, width)}
    matrices |= {"attn_output": (width, inner), "ffn_gate": (SHAPE.feed_forward, width)}
    matrices |= {"ffn_up": (SHAPE.feed_forward, width), "ffn_down": (width, SHAPE.feed_forward)}
    for part, shape in matrices.items():
        yield _matrix(seed, f"blk.{layer}.{part}.weight", shape, quantization)


def _norm(seed: int, name: str, size: int, level: float) -> Tensor:
    """Make a norm's weights: about `level` each."""

    def chunks() -> list[bytes]:
        return [_packed(level * (1 + _noise(seed, name, (size,), _NORM_NOISE)), "F32")]

    return Tensor(name, (size,), "F32", chunks)


def _matrix(seed: int, name: str, shape: tuple[int, int], quantization: Quantization) -> Tensor:
    """Make a matrix of noise."""
    return Tensor(name, shape, quantization, lambda: [_packed(_noise(seed, name, shape, _MATRIX), quantization)])


def _embedding(seed: int, words: vocabulary.Vocabulary, rules: Grammar) -> Any:  # noqa: ANN401 - numpy is optional
    """Return the embeddings: one coordinate for the state that a token leads to, noise in the free ones."""
    table = _noise(seed, "token_embd.weight", (len(words.tokens), SHAPE.width), _EMBEDDING_NOISE)
    table[:, : len(rules.logits)] = 0.0
    for token, row in zip(words.tokens, table, strict=True):
        row[rules.state_of.get(token, 0)] = 1.0
    return table


def _output(seed: int, words: vocabulary.Vocabulary, rules: Grammar) -> Any:  # noqa: ANN401 - numpy is optional
    """Return the output rows: in the coordinate of each state, the logit that a token has there."""
    table = _noise(seed, "output.weight", (len(words.tokens), SHAPE.width), _OUTPUT_NOISE)
    ids = {token: number for number, token in enumerate(words.tokens)}
    free = SHAPE.width - len(rules.logits)
    # The last norm brings an embedding to a root mean square of 1: this is what remains of its state's coordinate.
    coordinate = math.sqrt(SHAPE.width / (1 + free * _EMBEDDING_NOISE**2))
    for state, logits in enumerate(rules.logits):
        for token, logit in logits.items():
            table[ids[token], state] = logit / coordinate
    return table


def _noise(seed: int, label: str, shape: tuple[int, ...], deviation: float) -> Any:  # noqa: ANN401 - numpy is optional
    """Return uniform noise about 0 of a standard deviation, the same on every machine."""
    import numpy as np

    raw = np.frombuffer(random_bytes(seed, label, 4 * math.prod(shape)), dtype="<u4").reshape(shape)
    return ((raw / 2.0**32 - 0.5) * (math.sqrt(12) * deviation)).astype(np.float32)


def _packed(values: Any, quantization: Quantization) -> bytes:  # noqa: ANN401 - numpy is optional
    """Return weights as the bytes of their type."""
    gguf = gguf_package()
    packed: bytes = gguf.quants.quantize(values.astype("float32"), gguf.GGMLQuantizationType[quantization]).tobytes()
    return packed
