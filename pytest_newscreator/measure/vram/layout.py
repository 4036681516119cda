"""Which layers Ollama puts on the card, and the cliff: what falls to the CPU where one MiB is missing.

Rule: `llm/server.go` (buildLayout, assignLayers, greedyFit) and `ml/device.go` (MinimumMemory) of Ollama 0.14.3,
unchanged in 0.24.0, for one card.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.vram.forecast import MIB, Forecast

MINIMUM_MIB: Final = 457
"""What Ollama leaves free on a CUDA card."""

UNAVAILABLE_MIB: Final = 508
"""What a card of 8 GB never has free, MiB: 385 that the driver reserves and 123 of an idle desktop, as on the host
that the figures come from."""

UNAVAILABLE_ERROR_MIB: Final = 50
"""How far that may be off."""


@frozen
class Card:
    """A card: what it has, what of it is not free before a model is loaded, and OLLAMA_GPU_OVERHEAD; all in bytes."""

    memory: int
    unavailable: int = UNAVAILABLE_MIB * MIB
    overhead: int = 0

    @property
    def space(self) -> int:
        """Return what Ollama may fill: weights, cache and graph together."""
        return max(0, self.memory - self.unavailable - MINIMUM_MIB * MIB - self.overhead)


@frozen
class Layout:
    """Where a model's layers go; bytes. `missing` is how much less would have put everything on the card."""

    on_card: int
    layers: int
    fallen: int
    missing: int

    @property
    def is_full(self) -> bool:
        """Return whether everything is on the card."""
        return self.on_card == self.layers


def layout(forecast: Forecast, card: Card) -> Layout | None:
    """Return where the layers go, None where the graph is not known."""
    if forecast.graph is None or forecast.size is None:
        return None
    placed = assigned(forecast.layers, max(0, card.space - forecast.graph.size))
    fallen = sum(size for layer, size in enumerate(forecast.layers) if layer not in placed)
    return Layout(len(placed), len(forecast.layers), fallen, max(0, forecast.size - card.space))


def assigned(layers: Sequence[int], space: int) -> range:
    """Return the layers that fit, of sizes in bytes with the output layer last.

    They are filled from the last one on, up to the first that is too large; where that is not all of them the output
    layer is left out first, however much room it would have had (assignLayers).
    """
    whole = _filled(layers, space)
    return whole if len(whole) == len(layers) else _filled(layers[:-1], space)


def _filled(layers: Sequence[int], space: int) -> range:
    """Return the last layers that fit one after another (greedyFit)."""
    first = len(layers)
    while first and layers[first - 1] <= space:
        first -= 1
        space -= layers[first]
    return range(first, len(layers))
