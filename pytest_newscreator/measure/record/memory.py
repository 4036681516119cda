"""What is known of a row beside its figures, and what its memory must be by that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.vram.forecast import ERROR_MIB, MIB, OVERHEAD_MIB, Runner, forecast
from pytest_newscreator.measure.vram.shapes import Shapes, known

Wrong = tuple[str, str, str]
_PARALLEL: Final = (1, 2, 4)
_BATCHES: Final = (512, 1024)


@frozen
class Known:
    """What the contract says of the model that a row names; `queues` where requests may wait for each other.

    `runner` is what the contract has it started with, None where the window is not known.
    """

    base: str | None = None
    num_ctx: int | None = None
    runner: Runner | None = None
    memory_mib: int | None = None
    queues: bool = False

    @property
    def shapes(self) -> Shapes | None:
        """Return the shapes of the base, None for one that the shipped table does not have."""
        return None if self.base is None else known(self.base)


def beyond_card(used_mib: float, given: Known) -> Wrong | None:
    """Return why so much cannot be: the card has less."""
    if given.memory_mib is None or used_mib <= given.memory_mib:
        return None
    has = f"{given.memory_mib:,} MiB"
    return f"the card has {has}, should be at most that", f"at most {has}", "correct the figure, or the contract's card"


def below_weights(used_mib: float, given: Known) -> Wrong | None:
    """Return why so little cannot be: the weights alone are more, so that part of them was elsewhere."""
    weights = file_mib(given)
    if weights is None or used_mib >= weights:
        return None
    least = f"{weights:,.0f} MiB"
    what = f"the weights of {given.base} alone are {least}, should be more"
    return what, f"more than {least}", "see which model was loaded, and whether all of it was on the GPU"


def unlike_forecast(used_mib: float, given: Known) -> Wrong | None:
    """Return why so much is not what the contract's runner takes, with a runner that would take it."""
    shapes, runner = given.shapes, given.runner
    usual = forecast(shapes, runner).used_mib if shapes is not None and runner is not None else None
    if shapes is None or runner is None or usual is None or abs(used_mib - usual) <= ERROR_MIB:
        return None
    says = f"{usual:,.0f} MiB is forecast for num_ctx {runner.num_ctx}, {_named(runner)}"
    near = min(_others(shapes, runner), key=lambda other: abs(other[0] - used_mib))
    if abs(near[0] - used_mib) <= ERROR_MIB:
        says += f", and {near[0]:,.0f} MiB for {_named(near[1])}"
    fix = f"see what was running: the forecast adds {OVERHEAD_MIB} MiB of driver and idle card, to {ERROR_MIB} MiB"
    return f"{says}, should agree", f"{usual:,.0f} MiB", fix


def file_mib(given: Known) -> float | None:
    """Return the size of a base's tensors, MiB: the card holds each of them once (a tied embedding as the output)."""
    shapes = given.shapes
    return None if shapes is None else forecast(shapes, Runner(1)).weights_size / MIB


def _others(shapes: Shapes, runner: Runner) -> Iterator[tuple[float, Runner]]:
    """Yield what the same window takes with other slots and batches."""
    for parallel in _PARALLEL:
        for batch in _BATCHES:
            other = replace(runner, num_parallel=parallel, num_batch=batch)
            used = forecast(shapes, other).used_mib
            if used is not None:
                yield used, other


def _named(runner: Runner) -> str:
    return f"num_parallel {runner.num_parallel} and num_batch {runner.num_batch}"
