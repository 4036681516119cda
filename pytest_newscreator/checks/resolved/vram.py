"""Level `resolved`: what may be in a card's memory fits it, and its budget, before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.residents import PARALLEL, Resident, number, residents
from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.vram import forecast as forecasts
from pytest_newscreator.measure.vram import shapes as tables
from pytest_newscreator.measure.vram.forecast import ERROR_MIB, MIB, Forecast, Runner
from pytest_newscreator.measure.vram.layout import UNAVAILABLE_ERROR_MIB, Card, Layout, layout
from pytest_newscreator.measure.vram.shapes import Shapes
from pytest_newscreator.measure.vram.versions import unforecast
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Stack

CONTEXT_MIB = 651
"""What each further runner's CUDA context takes, MiB, fitted on the reference host (see `OVERHEAD_MIB`)."""

_LOADED = "OLLAMA_MAX_LOADED_MODELS"
_DEFAULT_LOADED = 3


@frozen
class Needed:
    """A resident with its shapes, by the files or by its server, what its runner is started with and what it takes.

    `card` None: the contract does not tell the card's memory.
    """

    resident: Resident
    shapes: Shapes
    version: str | None
    runner: Runner
    forecast: Forecast
    card: Card | None

    def __str__(self) -> str:
        """Render as `gemma3-4b-60k at num_ctx 61440 x 2`."""
        return f"{self.resident.name} at num_ctx {self.runner.num_ctx} x {self.runner.num_parallel}"


def needed_by(resident: Resident, shapes: Shapes, version: str | None) -> Needed:
    """Return what a resident of these shapes needs of its card; NotVerified where no forecast is made."""
    why = unforecast(version)
    if why is not None:
        raise NotVerified(f"{resident.service.key}: {why}", needs="", fix="")
    runner = resident.runner(version)
    found = forecasts.forecast(shapes, runner)
    if found.size is None:
        reason = f"the compute graph of {resident.base} is not known: its sizes are not those of gemma3 4B"
        raise NotVerified(reason, needs="", fix="measure it on the card")
    kept = number("OLLAMA_GPU_OVERHEAD", resident.given("OLLAMA_GPU_OVERHEAD", version)[0])
    memory = resident.gpu.memory_mib
    card = Card(memory * MIB, overhead=kept) if memory is not None else None
    return Needed(resident, shapes, version, runner, found, card)


@frozen
class Together:
    """Everything that may be on one card at once under one invocation: the largest of each base."""

    residents: tuple[Resident, ...]


Find = Callable[[Resident], Needed]


def _static(resident: Resident) -> Needed:
    """Return what the files tell; NotVerified where only the running server can."""
    shapes = tables.known(resident.base)
    if shapes is None:
        raise NotVerified(f"the shapes of {resident.base} are not in any file here", needs="ollama", fix=_FIX)
    if resident.version is None:
        reason = f"the release of the Ollama of {resident.service.key} is not in any file here"
        raise NotVerified(reason, needs="ollama", fix=_FIX)
    return needed_by(resident, shapes, resident.version)


_FIX = "start the stack: the running server tells it"


_KNOWN: WeakKeyDictionary[Repository, tuple[Subject, ...]] = WeakKeyDictionary()


def _known(repository: Repository) -> tuple[Subject, ...]:
    """Return every subject; both checks ask, and it is forecast once."""
    if repository not in _KNOWN:
        _KNOWN[repository] = tuple(_subjects(repository))
    return _KNOWN[repository]


def _subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each resident, and what may be resident together, as what its name has to be judged by."""
    groups: dict[tuple[str, str], list[Resident]] = {}
    for one in residents(repository):
        groups.setdefault((one.invocation, one.gpu.key), []).append(one)
        yield _subject(f"{one.invocation} {one.gpu.key} {one.name}".strip(), one, (one,))
    for (invocation, gpu), found in groups.items():
        # Variants of one base are one blob, which has one runner; the release decides on the rest.
        if len({(one.service.key, one.base) for one in found}) > 1:
            yield _subject(f"{invocation} {gpu} together".strip(), Together(tuple(found)), tuple(found))


def _subject(name: str, data: Resident | Together, asked: tuple[Resident, ...]) -> Subject:
    """Return a subject; one that files do not tell enough of asks the running server."""
    try:
        detail = "; ".join(_detail(_static(one)) for one in asked)
    except NotVerified as missing:
        return Subject(name, asked[0].place, data, marker="infra" if missing.needs else None)
    return Subject(name, asked[0].place, data, detail=detail)


def _detail(needed: Needed) -> str:
    """Return the forecast as the reports tell it, MiB."""
    found = needed.forecast
    parts = (found.weights_size, found.kv_size, found.graph.size if found.graph else 0, found.size or 0)
    weights, cache, graph, total = (round(size / MIB) for size in parts)
    placed = layout(found, needed.card) if needed.card else None
    where = f", {placed.on_card}/{placed.layers} layers on the card" if placed else ""
    return (
        f"{needed}: weights {weights} + KV cache {cache} + graph {graph} = {total} MiB, "
        f"about {round(found.used_mib or 0)} MiB in use{where}"
    )


def vram_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield what the files tell."""
    yield from (subject for subject in _known(repository) if subject.marker is None)


def served_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield what only the running server tells."""
    yield from (subject for subject in _known(repository) if subject.marker == "infra")


def vram_forecast(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Each model that may be loaded fits its card whole, and its VRAM budget; so do those that may be loaded at once.

    The output layer is the largest, with the vision tower in it, and falls off the card first. With 60K of context and
    OLLAMA_NUM_PARALLEL 2, 180 MiB too much put 2 GiB on the CPU, and nothing said so. The forecast knows gemma3 4B on
    Ollama 0.12 to 0.24 and a CUDA card; `newscreator forecast` shows what would fit. Lower OLLAMA_NUM_PARALLEL,
    num_ctx or num_batch.
    """
    newscreator_conclude("vram-forecast", newscreator_subject)


def judge_vram(subject: Subject, _: Repository) -> Finding | None:
    """Return what does not fit by the files alone; NotVerified where they leave it open, or it is too close."""
    return judged(subject.data, _static)


def judged(data: Resident | Together, find: Find) -> Finding | None:
    """Return what does not fit, with `find` telling shapes and release; NotVerified within the forecast's error."""
    if isinstance(data, Together):
        return _judged_together([find(one) for one in data.residents])
    needed = find(data)
    found, card = needed.forecast, needed.card
    placed = layout(found, card) if card is not None else None
    error = _error_mib(found)
    if card is not None and placed is not None and placed.missing > error * MIB:
        return _cliff(needed, found, card, placed)
    over = _over_budget(needed, found)
    if over is not None:
        return over
    if card is not None and found.size is not None and found.size + error * MIB > card.space:
        room = (card.space - found.size) / MIB
        reason = f"{needed} leaves {room:.0f} MiB of what Ollama may fill, which the forecast cannot tell from none"
        raise NotVerified(reason, needs="gpu", fix="measure it on the card")
    _unless_sure(needed, found)
    return None


def _error_mib(found: Forecast) -> int:
    """Return how far the comparison with a card's free memory may be off, MiB."""
    graph = found.graph.error if found.graph is not None and found.graph.error is not None else 0
    return graph // MIB + UNAVAILABLE_ERROR_MIB


def _unless_sure(needed: Needed, found: Forecast) -> None:
    """Pass nothing on a lower bound, nor where the contract names no figure to hold it to."""
    if found.graph is not None and found.graph.error is None:
        reason = f"{needed} without flash attention: the forecast is a lower bound only"
        raise NotVerified(reason, needs="gpu", fix="set OLLAMA_FLASH_ATTENTION=1, or measure it on the card")
    gpu = needed.resident.gpu
    if gpu.memory_mib is None and gpu.vram_budget_mib is None:
        raise NotVerified(f"{gpu.key} has neither memory nor vram_budget in the contract", needs="", fix="declare them")


def _over_budget(needed: Needed, found: Forecast) -> Finding | None:
    """Return that a forecast is over the budget; NotVerified where its error does not let it decide."""
    gpu, used = needed.resident.gpu, found.used_mib or 0
    if gpu.vram_budget_mib is None or used + ERROR_MIB <= gpu.vram_budget_mib:
        return None
    if used - ERROR_MIB <= gpu.vram_budget_mib:
        reason = f"{needed} is forecast at {used:.0f} ± {ERROR_MIB} MiB, the budget is {gpu.vram_budget_mib} MiB"
        raise NotVerified(reason, needs="gpu", fix="measure it on the card")
    message = f"{needed} is forecast at {used:.0f} MiB in use on {gpu.key}, the budget is {gpu.vram_budget_mib} MiB"
    return _finding(needed, message, f"at most {gpu.vram_budget_mib} MiB", f"{used:.0f} MiB")


def _cliff(needed: Needed, found: Forecast, card: Card, placed: Layout) -> Finding:
    """Return that a model does not fit its card, and what falls off it."""
    needs, space = (found.size or 0) / MIB, card.space / MIB
    what = "the output layer" if placed.on_card == placed.layers - 1 else f"{placed.layers - placed.on_card} layers"
    message = (
        f"{needed} needs {needs:.0f} MiB of {needed.resident.gpu.key}, Ollama may fill {space:.0f}: {what} "
        f"({placed.fallen / MIB:.0f} MiB) would be on the CPU, {placed.on_card} of {placed.layers} layers on the card"
    )
    return _finding(needed, message, f"at most {space:.0f} MiB", f"{needs:.0f} MiB")


def _finding(needed: Needed, message: str, expected: str, observed: str) -> Finding:
    """Return a finding at what is to blame: the number of slots where one alone would do, else the declared window."""
    one, runner = needed.resident, needed.runner
    where = f" (invocation {one.invocation})" if one.invocation else ""
    slots = one.given(PARALLEL, needed.version)[1]
    by_slots = runner.num_parallel > 1 and _does(needed, replace(runner, num_parallel=1))
    return Finding(
        message + where,
        place=(slots if by_slots else None) or one.place,
        expected=expected,
        observed=observed,
        chain=(_detail(needed),),
        fix=_ways_out(needed),
        causes=(slots,) if slots is not None and runner.num_parallel > 1 and not by_slots else (),
    )


def _ways_out(needed: Needed) -> str:
    """Return the changes of one setting that would do."""
    runner = needed.runner
    ways = {
        f"{PARALLEL}=1": replace(runner, num_parallel=1),
        "num_batch 512": replace(runner, num_batch=min(512, runner.num_batch)),
        f"num_ctx {runner.num_ctx // 2}": replace(runner, num_ctx=runner.num_ctx // 2),
    }
    found = [text for text, other in ways.items() if other != runner and _does(needed, other)]
    return f"{' or '.join(found)} would do" if found else "see what would fit: newscreator forecast"


def _does(needed: Needed, runner: Runner) -> bool:
    """Return whether another runner would surely fit the card and its budget."""
    found, gpu, card = forecasts.forecast(needed.shapes, runner), needed.resident.gpu, needed.card
    if found.size is None or found.used_mib is None or found.graph is None or found.graph.error is None:
        return False
    is_below = gpu.vram_budget_mib is None or found.used_mib + ERROR_MIB <= gpu.vram_budget_mib
    return is_below and (card is None or found.size + _error_mib(found) * MIB <= card.space)


def _judged_together(every: list[Needed]) -> Finding | None:
    """Return that what may be loaded at once does not fit."""
    loaded = list(_loaded_at_once(every))
    card, gpu = loaded[0].card, loaded[0].resident.gpu
    sizes = [needed.forecast.size or 0 for needed in loaded]
    needs = sum(sizes) / MIB + CONTEXT_MIB * (len(loaded) - 1)
    limits = [] if card is None else [(card.space / MIB, "Ollama may fill", needs)]
    if gpu.vram_budget_mib is not None:
        limits.append((gpu.vram_budget_mib, "the budget is", needs + forecasts.OVERHEAD_MIB))
    for limit, says, figure in limits if len(loaded) > 1 else ():
        if figure - ERROR_MIB * len(loaded) > limit:
            return _crowded(loaded, f"{figure:.0f} MiB of {gpu.key}, {says} {limit:.0f}", f"at most {limit:.0f} MiB")
        if figure + ERROR_MIB * len(loaded) > limit:
            reason = f"{_listed(loaded)} are forecast at {figure:.0f} MiB, {says} {limit:.0f}: too close to tell"
            raise NotVerified(reason, needs="gpu", fix="measure it on the card")
    for needed in loaded:
        _unless_sure(needed, needed.forecast)
    return None


def _loaded_at_once(every: list[Needed]) -> Iterator[Needed]:
    """Yield the largest of each base, of each server as many as it keeps (OLLAMA_MAX_LOADED_MODELS, 0 is three)."""
    for key in dict.fromkeys(needed.resident.service.key for needed in every):
        mine = [needed for needed in every if needed.resident.service.key == key]
        mine.sort(key=lambda needed: needed.forecast.size or 0, reverse=True)
        largest: list[Needed] = []
        for needed in mine:
            if not any(names.same(needed.resident.base, other.resident.base) for other in largest):
                largest.append(needed)
        most, _ = mine[0].resident.given(_LOADED, mine[0].version)
        yield from largest[: number(_LOADED, most) or _DEFAULT_LOADED]


def _crowded(loaded: list[Needed], needs: str, expected: str) -> Finding:
    """Return that models that may be loaded at once do not fit together."""
    one = loaded[0].resident
    is_one = len({needed.resident.service.key for needed in loaded}) == 1
    so = "one would be unloaded for the other" if is_one else "the later one would be on the CPU in part"
    where = f" (invocation {one.invocation})" if one.invocation else ""
    return Finding(
        f"{_listed(loaded)} may be loaded at once and need {needs}: {so}{where}",
        place=one.gpu.place,
        expected=expected,
        chain=tuple(map(_detail, loaded)),
        fix="lower OLLAMA_MAX_LOADED_MODELS, or what one of them needs" if is_one else "give one of them another card",
    )


def _listed(loaded: list[Needed]) -> str:
    """Return the names of several."""
    return " and ".join(map(str, loaded))


def served_vram_forecast(
    newscreator_subject: Subject, newscreator_stack: Stack, newscreator_selected: frozenset[str]
) -> None:
    """Each model whose shapes no file tells fits its card by what the running server says of it (`/api/show`).

    The same rules as for a base whose shapes ship, before the model is loaded. The QAT tag of gemma3 4B, said to be
    smaller, takes 635 MiB more of the card than the standard one: its embedding is F16, and is stored twice. A stand-in
    is never judged: its memory is its own. Lower OLLAMA_NUM_PARALLEL, num_ctx or num_batch.
    """
    from pytest_newscreator.checks.served.names import server
    from pytest_newscreator.errors import NewscreatorError
    from pytest_newscreator.measure.vram.served import shapes_of

    def find(one: Resident) -> Needed:
        running = newscreator_stack.invocation
        if one.invocation and (running is None or running.name != one.invocation):
            raise NotVerified(f"the stack does not run as {one.invocation}", needs="stack", fix="start it so")
        ollama = server(newscreator_stack, one.service, newscreator_selected)
        try:
            shapes = shapes_of(ollama.url, one.name, ollama.ca)
        except NewscreatorError as error:
            raise NotVerified(f"{one.name}: {error.message}", needs="", fix=error.fix) from None
        if shapes.standin is not None:
            raise NotVerified(f"{one.name} is a stand-in ({shapes.standin})", needs="", fix="serve the real model")
        return needed_by(one, shapes, ollama.version())

    finding = judged(newscreator_subject.data, find)
    if finding is not None:
        raise Broken(finding)


VRAM_FORECAST = Check("vram-forecast", "resolved", "config", vram_forecast, vram_subjects, judge_vram)
SERVED_VRAM_FORECAST = Check("vram-forecast", "resolved", "infra", served_vram_forecast, served_subjects)
