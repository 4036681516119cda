"""`loaded`: a runner has the context of its Modelfile, the digest of its name, and all of the model on the card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served.names import Served, has, load, server, short, variant_subjects
from pytest_newscreator.contract.model import Contract
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Loaded, Ollama
    from pytest_newscreator.stack.model import Endpoint, Stack


@frozen
class Running:
    """What serves a name: its runner, the digest that the name means now, and the layers on the GPU by the log."""

    name: str
    runner: Loaded | None
    digest: str | None
    offloaded: tuple[int, int] | None = None


def loaded_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each servable name, and again for the GPU where its service has one."""
    for subject in variant_subjects(repository):
        yield subject
        if subject.data.service.gpu:
            yield Subject(f"{subject.id} gpu", subject.place, subject.data, marker="gpu")


def loaded(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_contract: Contract,
    newscreator_selected: frozenset[str],
) -> None:
    """A loaded variant has the context length of its Modelfile and the digest of its name; a GPU holds all of it.

    Whoever loads with other options restarts the runner, and on a small card another context pushes layers to the
    CPU: health and answers stay as they were, at a tenth of the speed. Two names of one blob share a runner, which
    `ollama ps` lists under one of them. On a stack that was found running nothing is loaded that would push another
    model out. Free VRAM, lower num_ctx, or find who asks with other options (`app-options`).
    """
    from pytest_newscreator.observe.gpu import has_nvidia

    served: Served = newscreator_subject.data
    on_gpu = newscreator_subject.id.endswith(" gpu")
    if on_gpu and not has_nvidia():
        raise NotVerified("no NVIDIA GPU on this machine", needs="gpu", fix="run on the GPU host")
    ollama = server(newscreator_stack, served.service, newscreator_selected)
    name = served.name(newscreator_contract, newscreator_stack)
    has(ollama, name, newscreator_subject, newscreator_selected)
    runner = load(ollama, name, newscreator_stack)
    endpoint = endpoint_of(newscreator_stack, served.service)
    running = Running(name, runner, ollama.digest(name), _offloaded(ollama, endpoint, name) if on_gpu else None)
    finding = (judge_gpu if on_gpu else judge)(running, served, newscreator_subject)
    if finding is not None:
        raise Broken(finding)


def judge(running: Running, served: Served, subject: Subject) -> Finding | None:
    """Return what is wrong with the runner of a name."""
    runner = running.runner
    if runner is None:
        return Finding(f"{running.name} was loaded and is gone from /api/ps", subject.place, fix="see the server's log")
    if names.same(runner.name, running.name) and runner.digest != running.digest:
        return Finding(
            f"{running.name} runs from digest {short(runner.digest)}, the name means {short(running.digest)}",
            subject.place,
            running.digest,
            runner.digest,
            fix=f"ollama stop {running.name}",
        )
    wanted = served.variant.num_ctx if served.variant else None
    if wanted is not None and runner.context_length is not None and runner.context_length != wanted:
        return Finding(
            f"{running.name} runs with a context of {runner.context_length}, the contract says {wanted}",
            subject.place,
            str(wanted),
            str(runner.context_length),
            fix="somebody loads it with another num_ctx: see context-agreement",
        )
    return None


def judge_gpu(running: Running, _served: Served, subject: Subject) -> Finding | None:
    """Return whether a part of the model is on the CPU, by the server's ratio and by its log."""
    runner, fix = running.runner, "free VRAM, or lower num_ctx"
    if runner is None:
        return Finding(f"{running.name} was loaded and is gone from /api/ps", subject.place, fix="see the server's log")
    if runner.size_vram < runner.size:
        share = f"{runner.size_vram / runner.size:.0%}"
        message = f"{running.name} is partly on the CPU: {share} of it is in VRAM"
        return Finding(message, subject.place, "100 %", share, fix=fix)
    if running.offloaded is not None and running.offloaded[0] < running.offloaded[1]:
        layers = "{}/{}".format(*running.offloaded)
        message = f"{running.name} is partly on the CPU: the server's log says {layers} layers on the GPU"
        return Finding(message, subject.place, "all layers", layers, fix=fix)
    return None


def _offloaded(ollama: Ollama, endpoint: Endpoint, name: str) -> tuple[int, int] | None:
    """Return the layers on the GPU by the log's last start of the name's blob; None where no log tells."""
    from pytest_newscreator.observe.runner_log import starts, text_of

    shown, log = ollama.show(name), text_of(endpoint)
    if shown is None or log is None:
        return None
    mine = [start.offloaded for start in starts(log) if start.blob == shown.weights and start.offloaded]
    return mine[-1] if mine else None


LOADED = Check("loaded", "served", "infra", loaded, loaded_subjects)
