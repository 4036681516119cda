"""The runners that a server has started, by its own log: with which window and batch, and who asked them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pytest_newscreator.checks.deployed.services import step_back
from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.model import Model
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Finding, NotVerified

SMALLEST_WITH_IMAGES: Final = 2048
"""A model that reads images gets at least this window, whatever its Modelfile says."""

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Ollama, Shown
    from pytest_newscreator.observe.runner_log import Start
    from pytest_newscreator.stack.model import Endpoint


def judge_log(  # noqa: PLR0913, PLR0917 - who asks whom for what
    server: Endpoint, app: Endpoint, ollama: Ollama, model: Model, subject: Subject, selected: frozenset[str]
) -> tuple[Finding | None, str]:
    """Return what a server's log says is wrong with its starts, and what it says at all; nothing is sent."""
    from pytest_newscreator.observe.runner_log import starts, text_of

    log = text_of(server)
    if log is None:
        raise NotVerified(f"{server.service.key} is known by its URL alone: its log is not here", needs="", fix="")
    shown = {name: one for name in model.names if (one := ollama.show(name)) is not None}
    blobs = {one.weights for one in shown.values()}
    made = [at for name, at in ollama.made_at().items() if any(names.same(name, one) for one in shown)]
    # What was started before the models were made as they are says nothing about them.
    now = [start for start in starts(log) if start.at is None or start.at >= max(made, default=start.at)]
    mine = [start for start in now if start.blob in blobs]
    finding = judge(mine, shown, subject)
    for name, one in shown.items() if finding is not None else ():
        if _runs_otherwise(ollama, name, one):
            step_back(f"loaded[{name}]", selected)
    if finding is None and not any(start.askers & addresses(app) for start in mine):
        raise NotVerified(
            f"the log of {server.service.key} tells of no request of {app.service.key} since a runner was started",
            needs="",
            fix="let it be asked once, or verify it on a stack of its own (--newscreator-stack compose)",
        )
    return finding, f"{len(mine)} starts of a runner, each with a window and batch that a Modelfile says"


def judge(starts: Sequence[Start], shown: Mapping[str, Shown], subject: Subject) -> Finding | None:
    """Return the first start with a window and batch that no Modelfile of its blob says."""
    for start in starts:
        mine = {name: _runs_with(one) for name, one in shown.items() if one.weights == start.blob}
        if start.window is None or any(_fits(start, window, batch) for window, batch in mine.values()):
            continue
        says = "; ".join(f"{name} num_ctx {w or 'unset'}, num_batch {b}" for name, (w, b) in mine.items())
        return Finding(
            f"a request started a runner with num_ctx {start.window} and num_batch {start.batch}; declared is {says}",
            subject.place,
            says,
            f"num_ctx {start.window}, num_batch {start.batch}",
            fix="somebody asks with options of its own: each change restarts the runner",
        )
    return None


def _runs_otherwise(ollama: Ollama, name: str, shown: Shown) -> bool:
    """Return whether a model runs now with another window than its Modelfile says: `loaded` tells that."""
    runner, own = ollama.runner_of(name), shown.parameters.get("num_ctx", ())
    return bool(runner is not None and own and runner.context_length and str(runner.context_length) != own[0])


def _runs_with(shown: Shown) -> tuple[int | None, int]:
    """Return the window and the batch that a Modelfile comes to; Ollama's own batch is 512."""
    window, batch = (shown.parameters.get(name, ()) for name in ("num_ctx", "num_batch"))
    trained = next((int(v) for key, v in shown.model_info.items() if key.endswith(".context_length")), None)
    declared = int(window[0]) if window else None
    if declared is not None and trained is not None:
        declared = min(declared, trained)  # the runner is started with no more than the model was trained with
    return declared, int(batch[0]) if batch else 512


def _fits(start: Start, window: int | None, batch: int) -> bool:
    """Return whether a start is what a Modelfile says; a batch never exceeds its window, a small window may grow."""
    if window is None:
        return start.batch == batch
    return start.window in {window, max(window, SMALLEST_WITH_IMAGES)} and start.batch in {batch, min(batch, window)}


def addresses(endpoint: Endpoint) -> frozenset[str]:
    """Return the addresses that a service asks from."""
    if endpoint.container is None:
        return frozenset({"127.0.0.1", "::1"})
    from pytest_newscreator.stack import engine

    networks = engine.inspect(endpoint.container).raw["NetworkSettings"]["Networks"]
    return frozenset(one["IPAddress"] for one in networks.values() if one.get("IPAddress"))
