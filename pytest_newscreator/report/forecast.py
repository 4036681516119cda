"""`newscreator forecast`: the memory of a model over num_ctx, request slots and KV type, and where it fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, Literal

from pytest_newscreator.contract.model import Contract, Gpu, Model
from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.vram.forecast import ERROR_MIB, GRAPH_ERROR_MIB, MIB, Forecast, Runner, forecast
from pytest_newscreator.measure.vram.layout import UNAVAILABLE_ERROR_MIB, Card, layout
from pytest_newscreator.measure.vram.shapes import Shapes, known

Says = Literal["fits", "too close to tell", "over budget", "cliff", "unknown"]

KV_TYPES: Final = ("f16", "q8_0", "q4_0")
_PARALLEL = (1, 2, 4)
_WINDOWS = (8192, 16384, 32768, 61440, 131072)
_MARKS: Final = {"fits": " ", "too close to tell": "?", "over budget": "!", "cliff": "*", "unknown": "-"}
_LEGEND = "? within the forecast's error  ! over vram_budget  * not whole on the card, layers on it  - not forecast"


@frozen
class Cell:
    """One configuration: MiB of each part and of what nvidia-smi would show, and the layers on the card of all."""

    num_ctx: int
    num_parallel: int
    kv_type: str
    weights_mib: float
    kv_mib: float
    graph_mib: float | None
    used_mib: float | None
    says: Says
    on_card: int | None = None
    layers: int | None = None
    fallen_mib: float | None = None


@frozen
class Table:
    """The cells of one model, the card that they are held to, and the num_batch that all of them have."""

    model: str
    num_batch: int
    gpu: str | None
    memory_mib: int | None
    vram_budget_mib: int | None
    standin: str | None
    cells: tuple[Cell, ...]


def tables(contract: Contract, wanted: str | None, gguf: Path | None, url: str | None) -> tuple[Table, ...]:
    """Return a table for each model of the contract, or for the one that is wanted.

    A name that is no model of the contract is one of a server (`url`) or of the table of bases; it is held to the
    contract's only card. Raises NewscreatorError where no shapes are known.
    """
    if gguf is not None and url is not None:
        raise NewscreatorError("--gguf and --url are two sources of shapes", fix="name one")
    models = [one for one in contract.models.values() if wanted in {None, one.key, *one.names}]
    if wanted is None and len(models) > 1 and gguf is not None:
        raise NewscreatorError("--gguf is one file and the contract has several models", fix="name the model")
    if not models and wanted is not None:
        only = next(iter(contract.gpus.values())) if len(contract.gpus) == 1 else None
        return (_table(wanted, None, only, _shapes(wanted, gguf, url)),)
    return tuple(_table(one.base, one, _card_of(contract, one), _shapes(one.base, gguf, url)) for one in models)


def _shapes(name: str, gguf: Path | None, url: str | None) -> Shapes:
    """Return the shapes of a model by what was named, else from the table of bases."""
    if gguf is not None:
        from pytest_newscreator.measure.vram.gguf import read

        return read(gguf)
    if url is not None:
        from pytest_newscreator.measure.vram.served import shapes_of

        return shapes_of(url, name)
    found = known(name)
    if found is None:
        raise NewscreatorError(f"the shapes of {name} are not known here", fix="name them: --gguf FILE or --url URL")
    return found


def _card_of(contract: Contract, model: Model) -> Gpu | None:
    """Return the card of the service that serves a model."""
    service = contract.services.get(model.service or "")
    return contract.gpus.get(service.gpu) if service is not None and service.gpu is not None else None


def _table(name: str, model: Model | None, gpu: Gpu | None, shapes: Shapes) -> Table:
    """Return the table of one model; its own windows stand among the usual ones."""
    own = [one.num_ctx for one in model.variants.values() if one.num_ctx] if model is not None else []
    windows = sorted({size for size in (*_WINDOWS, *own) if size <= shapes.context})
    stated = model.parameters.get("num_batch") if model is not None else None
    batch = stated if isinstance(stated, int) else 512
    runner = Runner(0, num_batch=batch)
    cells = tuple(
        _cell(forecast(shapes, replace(runner, num_ctx=size, num_parallel=slots, kv_type=kind)), gpu)
        for kind in KV_TYPES
        for size in windows
        for slots in _PARALLEL
    )
    memory, budget = (gpu.memory_mib, gpu.vram_budget_mib) if gpu is not None else (None, None)
    return Table(name, batch, gpu.key if gpu else None, memory, budget, shapes.standin, cells)


def _cell(found: Forecast, gpu: Gpu | None) -> Cell:
    """Return one configuration, held to a card and its budget."""
    card = Card(gpu.memory_mib * MIB) if gpu is not None and gpu.memory_mib is not None else None
    placed = layout(found, card) if card is not None else None
    runner, graph = found.runner, found.graph
    cell = Cell(
        runner.num_ctx, runner.num_parallel, runner.kv_type, _mib(found.weights_size), _mib(found.kv_size),
        None if graph is None else _mib(graph.size), None if found.used_mib is None else round(found.used_mib, 1),
        _says(found, card, gpu.vram_budget_mib if gpu is not None else None),
    )  # fmt: skip
    if placed is None:
        return cell
    return replace(cell, on_card=placed.on_card, layers=placed.layers, fallen_mib=_mib(placed.fallen))


def _says(found: Forecast, card: Card | None, budget_mib: int | None) -> Says:
    """Return what holds of a configuration; within the forecast's error nothing is said for sure."""
    if found.size is None or found.used_mib is None or (card is None and budget_mib is None):
        return "unknown"
    error = (GRAPH_ERROR_MIB + UNAVAILABLE_ERROR_MIB) * MIB
    if card is not None and found.size - error > card.space:
        return "cliff"
    if budget_mib is not None and found.used_mib - ERROR_MIB > budget_mib:
        return "over budget"
    is_close = card is not None and found.size + error > card.space
    return "too close to tell" if is_close or found.used_mib + ERROR_MIB > (budget_mib or 1e9) else "fits"


def _mib(size: int) -> float:
    """Return bytes as MiB, to a tenth."""
    return round(size / MIB, 1)


def as_json(found: tuple[Table, ...]) -> str:
    """Return the tables as JSON."""
    return json.dumps([asdict(table) for table in found], indent=2)


def render(found: tuple[Table, ...]) -> str:
    """Return the tables as text: a block a KV type, a row a num_ctx, a column a number of slots."""
    return "\n\n".join("\n".join(_rendered(table)) for table in found)


def _rendered(table: Table) -> Iterator[str]:
    """Yield the lines of one table."""
    known_of_card = (("", table.memory_mib), ("budget ", table.vram_budget_mib))
    limits = ", ".join(f"{word}{size} MiB" for word, size in known_of_card if size is not None)
    stood = f" (stand-in: {table.standin})" if table.standin else ""
    gpu = table.gpu or "no card"
    yield f"{table.model}{stood}, num_batch {table.num_batch}, flash attention, {gpu} {limits}".rstrip()
    yield f"MiB in use as nvidia-smi shows it, ± {ERROR_MIB}; Ollama 0.12 to 0.24, nothing else on the card"
    for kind in KV_TYPES:
        yield ""
        yield f"{'KV ' + kind:<10}" + "".join(f"{f'parallel {slots}':>14}" for slots in _PARALLEL)
        mine = [cell for cell in table.cells if cell.kv_type == kind]
        for size in dict.fromkeys(cell.num_ctx for cell in mine):
            yield f"{size:<10}" + "".join(f"{_figure(cell):>14}" for cell in mine if cell.num_ctx == size)
    yield ""
    yield _LEGEND


def _figure(cell: Cell) -> str:
    """Return a cell as text: MiB in use and its mark, with the layers on the card where some fall off."""
    mark = _MARKS[cell.says]
    if cell.used_mib is None:
        return f"KV {cell.kv_mib:.0f} {mark}"
    layers = f"{cell.on_card}/{cell.layers} " if cell.says == "cliff" else ""
    return f"{layers}{cell.used_mib:.0f} {mark}"
