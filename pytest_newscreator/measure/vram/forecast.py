"""The memory of one runner: weights, KV cache and compute graph, by the rules of Ollama's own engine (ollamarunner).

Rules: `ml/backend/ggml/ggml.go` (New: which layer a tensor belongs to), `kvcache/causal.go` (Init), CUDA's
`get_alloc_size` in Ollama 0.14.3, unchanged in 0.24.0. From 0.30.0 on the runner is llama-server, and this is silent.
"""

from __future__ import annotations

import math
import re
from typing import Final

from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.vram.shapes import FLOATS, Shapes, Tensor, row_bytes

MIB: Final = 2**20

OVERHEAD_MIB: Final = 774
"""What nvidia-smi shows beside a runner's own memory, MiB: 651 of CUDA context and 123 of an idle card.

Fitted to two measurements of one RTX 4060 (5547 and 5935 MiB in use), which it reproduces to 6 MiB.
"""

ERROR_MIB: Final = 100
"""How far that sum may be off on another host, until it is measured there once."""

GRAPH_ERROR_MIB: Final = 8
"""The largest error of the graph's formula in the 12 configurations with flash attention that the tests hold, MiB."""

_GLOBAL_EVERY: Final = 6
_PADDING_CELLS: Final = 256
_ALIGNMENT_BYTES: Final = 128
_ROW_PADDING: Final = 512
_CACHE_TYPES: Final = {"f16": "F16", "q8_0": "Q8_0", "q4_0": "Q4_0"}
_DIGITS = re.compile(r"\d+")
_INPUT = frozenset({"position_embd", "token_embd", "token_norm_embd", "token_types"})
_OUTPUT = frozenset({"cls", "output", "output_norm"})
_GRAPH_SIZES = (2560, 10240, 8, 4, 256)


@frozen
class Runner:
    """What a runner is started with; `flash_attention` off leaves the KV cache in f16, whatever its type says."""

    num_ctx: int
    num_parallel: int = 1
    num_batch: int = 512
    kv_type: str = "f16"
    flash_attention: bool = True

    @property
    def cache_type(self) -> str:
        """Return the type that the cache really has, by Ollama's name; a type that it does not know is f16."""
        wanted = self.kv_type.lower()
        return wanted if self.flash_attention and wanted in _CACHE_TYPES else "f16"


@frozen
class Graph:
    """The compute graph on the card, bytes; `error` None where the formula is only a lower bound."""

    size: int
    error: int | None


@frozen
class Forecast:
    """The memory of one runner, bytes.

    `layers` holds weights and cache of each layer that may go to the card, the output layer last; `input_weights` are
    on the CPU in any case. `graph` None: the graph of these shapes is not known.
    """

    runner: Runner
    weights: tuple[int, ...]
    caches: tuple[int, ...]
    input_weights: int
    graph: Graph | None

    @property
    def layers(self) -> tuple[int, ...]:
        """Return weights and cache of each layer together."""
        return tuple(map(sum, zip(self.weights, self.caches, strict=True)))

    @property
    def weights_size(self) -> int:
        """Return the weights that go to the card where everything does."""
        return sum(self.weights)

    @property
    def kv_size(self) -> int:
        """Return the KV cache of all request slots."""
        return sum(self.caches)

    @property
    def size(self) -> int | None:
        """Return what the runner allocates on the card where everything goes there."""
        return None if self.graph is None else self.weights_size + self.kv_size + self.graph.size

    @property
    def used_mib(self) -> float | None:
        """Return what nvidia-smi would show as used with this runner alone, MiB (see `OVERHEAD_MIB`)."""
        return None if self.size is None else self.size / MIB + OVERHEAD_MIB


def forecast(shapes: Shapes, runner: Runner, *, on_card: bool = True) -> Forecast:
    """Return the memory that a runner takes; `on_card` False gives the sizes without CUDA's padding of rows."""
    context = min(runner.num_ctx, shapes.context)
    batch = min(runner.num_batch, context)
    cells, sliding = _cells(shapes, runner.num_parallel, context, batch)
    weights, inputs = _weights(shapes, padded=on_card)
    caches = tuple(
        _cache_size(shapes, cells if _is_global(layer) else sliding, runner.cache_type, padded=on_card)
        for layer in range(shapes.layers)
    )
    return Forecast(runner, weights, (*caches, 0), inputs, _graph(shapes, runner, batch, cells, sliding))


def _is_global(layer: int) -> bool:
    """Return whether a layer of gemma3 sees the whole context: every sixth does (model/models/gemma3)."""
    return (layer + 1) % _GLOBAL_EVERY == 0


def _cells(shapes: Shapes, parallel: int, context: int, batch: int) -> tuple[int, int]:
    """Return the cells of a global and of a sliding layer's cache (kvcache/causal.go, Init).

    With several slots the window holds one more, for the stop token; a window as long as the context is none.
    """
    window = shapes.window + (1 if parallel > 1 else 0)
    full = _padded(parallel * context, _PADDING_CELLS)
    return full, full if window >= context else _padded(parallel * window + batch, _PADDING_CELLS)


def _cache_size(shapes: Shapes, cells: int, kind: str, *, padded: bool) -> int:
    """Return the bytes of a layer's keys and values; rows are as long as a head is wide."""
    name, rows = _CACHE_TYPES[kind], cells * shapes.kv_heads
    return sum(_stored(name, (width, rows), padded=padded) for width in (shapes.key_width, shapes.value_width))


def _stored(kind: str, shape: tuple[int, ...], *, padded: bool) -> int:
    """Return the bytes of a tensor in a buffer, aligned.

    CUDA pads the last row of quantised tensors to 512 elements (ggml-cuda.cu, get_alloc_size).
    """
    size = row_bytes(kind, shape[0]) * math.prod(shape[1:])
    if padded and kind not in FLOATS and shape[0] % _ROW_PADDING:
        size += row_bytes(kind, _ROW_PADDING - shape[0] % _ROW_PADDING)
    return _padded(size, _ALIGNMENT_BYTES)


def _weights(shapes: Shapes, *, padded: bool) -> tuple[tuple[int, ...], int]:
    """Return the weights of each layer, the output layer last, and what stays on the CPU.

    Without an output matrix of its own the embedding is stored twice: on the CPU, and as output. The vision tower
    belongs to the output layer.
    """
    found, inputs = [0] * (shapes.layers + 1), 0
    is_tied = not any(tensor.name.split(".")[0] == "output" for tensor in shapes.tensors)
    for tensor in shapes.tensors:
        layer = _layer_of(tensor, shapes.layers)
        if layer is None:
            inputs += _stored(tensor.type, tensor.shape, padded=False)
        if layer is not None or (is_tied and tensor.name == "token_embd.weight"):
            found[shapes.layers if layer is None else layer] += _stored(tensor.type, tensor.shape, padded=padded)
    return tuple(found), inputs


def _layer_of(tensor: Tensor, layers: int) -> int | None:
    """Return the layer that a tensor belongs to, None for one that is on the CPU in any case."""
    parts = set(tensor.name.split("."))
    if parts & _INPUT:
        return None
    if parts & _OUTPUT or tensor.name.startswith(("v.", "mm.", "s.")):
        return layers
    number = _DIGITS.search(tensor.name)
    return min(int(number[0]), layers) if number else None


def _graph(shapes: Shapes, runner: Runner, batch: int, cells: int, sliding: int) -> Graph | None:
    """Return the compute graph; its coefficients are fitted to the sizes of gemma3 4B and say nothing of others."""
    sizes = (shapes.width, shapes.feed_forward, shapes.heads, shapes.kv_heads, shapes.key_width)
    if sizes != _GRAPH_SIZES:
        return None
    if not runner.flash_attention:
        return _graph_without_flash(batch, cells, has_vision=shapes.has_vision)
    first = 155_660 * batch - 2 * sliding * batch + 4 * cells * batch + 4 * MIB
    second = 25_612 * batch + 4 * sliding * batch + 6 * cells * batch + 7 * MIB
    size = max(first, second)
    pools = [11_520 * batch]  # the quantised products' own buffers
    if shapes.has_vision:
        size = max(size + 25 * MIB * batch // 2048, 136 * MIB)
        pools.append(44 * MIB)
    if runner.cache_type != "f16":
        pools.append(4 * 256 * 4 * cells)  # flash attention converts a global layer's cache to f16
    return Graph(size + max(pools), GRAPH_ERROR_MIB * MIB)


def _graph_without_flash(batch: int, cells: int, *, has_vision: bool) -> Graph:
    """Return the graph with attention scores in f32; with a vision tower only what it has at least is known."""
    size, error = int(52.8 * cells * batch), 25 * MIB
    return Graph(max(size - error, 1079 * MIB), None) if has_vision else Graph(size, error)


def _padded(size: int, to: int) -> int:
    """Round up to a multiple."""
    return -(-size // to) * to
