"""`loaded`: a runner has the context of its Modelfile, the digest of its name, and all of the model on the card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served.names import Served, has, load, server, short, variant_subjects
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Stack


def loaded_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each servable name, and again for the GPU where its service has one."""
    for subject in variant_subjects(repository):
        yield subject
        if subject.data.service.gpu:
            yield Subject(f"{subject.id} gpu", subject.place, subject.data, marker="gpu")


def loaded(newscreator_subject: Subject, newscreator_stack: Stack, newscreator_selected: frozenset[str]) -> None:
    """A loaded variant has the context length of its Modelfile and the digest of its name.

    Whoever loads with other options restarts the runner, and on a small card another context pushes layers to the
    CPU. On a stack that was found running nothing is loaded that would push another model out.
    """
    from pytest_newscreator.observe.gpu import has_nvidia

    served: Served = newscreator_subject.data
    on_gpu = newscreator_subject.id.endswith(" gpu")
    if on_gpu and not has_nvidia():
        raise NotVerified("no NVIDIA GPU on this machine", needs="gpu", fix="run on the GPU host")
    ollama = server(newscreator_stack, served, newscreator_selected)
    has(ollama, served, newscreator_subject, newscreator_selected)
    load(ollama, served.name, newscreator_stack)
    runner = ollama.runner_of(served.name)
    if runner is None:
        fail(f"{served.name} was loaded and is gone from /api/ps", place=newscreator_subject.place, fix="see the log")
    if runner.digest != ollama.digest(served.name):
        fail(
            f"{served.name} runs from digest {short(runner.digest)},"
            f" the name means {short(ollama.digest(served.name))}",
            place=newscreator_subject.place,
            fix=f"ollama stop {served.name}",
        )
    wanted = served.variant.num_ctx if served.variant else None
    if wanted is not None and runner.context_length is not None and runner.context_length != wanted:
        fail(
            f"{served.name} runs with a context of {runner.context_length}, the contract says {wanted}",
            place=newscreator_subject.place,
            expected=wanted,
            observed=runner.context_length,
            fix="somebody loads it with another num_ctx: see context-agreement",
        )
    if on_gpu and runner.size_vram < runner.size:
        fail(
            f"{served.name} is partly on the CPU: {runner.size_vram / runner.size:.0%} of it is in VRAM",
            place=newscreator_subject.place,
            expected="100 %",
            fix="free VRAM, or lower num_ctx",
        )


LOADED = Check("loaded", "served", "infra", loaded, loaded_subjects)
