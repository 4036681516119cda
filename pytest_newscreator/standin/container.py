"""Writing a stand-in: a gemma3 GGUF with its stamp, streamed tensor by tensor."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.standin import stamp as stamps
from pytest_newscreator.standin.vocabulary import BOS, EOS, PAD, UNK, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

Quantization = Literal["F32", "F16", "Q8_0", "Q4_0"]

ALIGNMENT_BYTES = 32
# (weights, bytes) of one block of each type, and the number of `general.file_type` for a file that is mostly that.
BLOCKS: dict[Quantization, tuple[int, int]] = {"F32": (1, 4), "F16": (1, 2), "Q8_0": (32, 34), "Q4_0": (32, 18)}
_FILE_TYPES: dict[Quantization, int] = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 7}


@frozen
class Standin:
    """A stand-in on disk: what it is called, what it stands in for and how it can be made again."""

    path: Path
    name: str
    stamp: str
    seed: int
    quantization: Quantization
    size_bytes: int


@frozen
class Architecture:
    """The sizes of a gemma3 model, as its GGUF header names them."""

    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: int
    head_width: int
    context: int = 131072
    sliding_window: int = 1024


@frozen
class Tensor:
    """One tensor: its shape with the outer dimension first, and its bytes, made only when they are written."""

    name: str
    shape: tuple[int, ...]
    quantization: Quantization
    chunks: Callable[[], Iterable[bytes]]

    @property
    def size_bytes(self) -> int:
        """Return how many bytes the tensor takes."""
        weights, size = BLOCKS[self.quantization]
        return math.prod(self.shape) // weights * size


def gguf_package() -> Any:  # noqa: ANN401 - an optional module has no type here
    """Import the `gguf` package; raises NewscreatorError where it is not installed."""
    try:
        import gguf
    except ImportError as error:
        message = "stand-in models are written with the gguf package, which is not installed"
        raise NewscreatorError(message, fix="pip install 'pytest-newscreator[standin]'") from error
    return gguf


def write(standin: Standin, shape: Architecture, words: Vocabulary, tensors: Sequence[Tensor]) -> Standin:
    """Write a stand-in at its path, which appears only when it is whole; return it with its size.

    Memory stays at one chunk of a tensor. Raises NewscreatorError without the `gguf` package, OSError as `open`.
    """
    part = standin.path.with_name(f"{standin.path.name}.part")
    try:
        _write_header(part, standin, shape, words, tensors)
        _append(part, tensors)
        part.replace(standin.path)
    finally:
        part.unlink(missing_ok=True)
    return replace(standin, size_bytes=standin.path.stat().st_size)


def _append(path: Path, tensors: Iterable[Tensor]) -> None:
    """Append the tensors to a header, each at the alignment that the header promises."""
    with path.open("ab") as file:
        for tensor in tensors:
            file.write(b"\0" * (-file.tell() % ALIGNMENT_BYTES))
            file.writelines(tensor.chunks())
        file.write(b"\0" * (-file.tell() % ALIGNMENT_BYTES))


def random_bytes(seed: int, label: str, count: int) -> bytes:
    """Return `count` bytes that depend on seed and label alone, on every machine and with every library version."""
    return hashlib.shake_256(f"{seed}:{label}".encode()).digest(count)


def seed_of(name: str) -> int:
    """Derive a seed of 32 bits from a model's name, so that two names never share a digest by accident."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _write_header(
    path: Path,
    standin: Standin,
    shape: Architecture,
    words: Vocabulary,
    tensors: Sequence[Tensor],
) -> None:
    """Write everything before the weights; the stamp comes first, so that it is found at once."""
    import numpy as np

    gguf = gguf_package()
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_string(stamps.STAMP_KEY, standin.stamp)
    writer.add_uint32(stamps.SEED_KEY, standin.seed)
    writer.add_name(standin.name)
    writer.add_file_type(_FILE_TYPES[standin.quantization])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_architecture(writer, shape)
    _add_vocabulary(writer, words)
    for tensor in tensors:
        kind = gguf.GGMLQuantizationType[tensor.quantization]
        writer.add_tensor_info(tensor.name, tensor.shape, np.dtype("float32"), tensor.size_bytes, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()


def _add_architecture(writer: Any, shape: Architecture) -> None:  # noqa: ANN401 - gguf is optional
    """Add the sizes; what gemma3 fixes for every size is fixed here too."""
    writer.add_block_count(shape.layers)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_context_length(shape.context)
    writer.add_sliding_window(shape.sliding_window)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_float32("gemma3.rope.local.freq_base", 10_000.0)


def _add_vocabulary(writer: Any, words: Vocabulary) -> None:  # noqa: ANN401 - gguf is optional
    """Add a SentencePiece tokenizer with byte fallback."""
    writer.add_tokenizer_model("llama")
    writer.add_token_list(words.tokens)
    writer.add_token_scores(words.scores)
    writer.add_token_types(words.types)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_unk_token_id(UNK)
    writer.add_pad_token_id(PAD)
    writer.add_eot_token_id(words.end_of_turn)
    writer.add_add_bos_token(True)  # noqa: FBT003 - gguf's own signature
    writer.add_add_eos_token(False)  # noqa: FBT003 - gguf's own signature
    writer.add_add_space_prefix(False)  # noqa: FBT003 - gguf's own signature
