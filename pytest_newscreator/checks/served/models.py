"""`models`: the server has every variant, made of the decided base with the decided parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served.names import Served, model_subjects, server, short
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Ollama, Shown
    from pytest_newscreator.stack.model import Stack


def models(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_selected: frozenset[str],
) -> None:
    """The server has every variant, made of the decided base and with the decided parameters.

    A start script that skips a variant that exists keeps serving the old base under the new configuration: the
    name is right, the weights are not. Compared are digests, not names. Make the variant again from its Modelfile.
    """
    served: Served = newscreator_subject.data
    ollama = server(newscreator_stack, served, newscreator_selected)
    wanted = newscreator_repository.contract.base_in(served.model, newscreator_stack.invocation)
    name = served.name if served.variant else wanted
    shown = ollama.show(name)
    if shown is None:
        has = ", ".join(sorted(ollama.digests())) or "no model"
        fail(
            f"{served.service.key} does not have {name}; it has {has}",
            place=newscreator_subject.place,
            expected=name,
            observed=has,
            fix=f"make it again (up -d of {served.service.compose or served.service.key})",
        )
    if served.variant is not None:
        _made_of(ollama, shown, wanted, newscreator_subject)
        _parameters(shown, served, newscreator_subject)
    if served.model.quantization and shown.standin is None and shown.quantization != served.model.quantization:
        fail(
            f"{name} is quantised {shown.quantization}, the contract says {served.model.quantization}",
            place=newscreator_subject.place,
            expected=served.model.quantization,
            observed=shown.quantization,
        )


def _made_of(ollama: Ollama, shown: Shown, base: str, subject: Subject) -> None:
    """Hold a variant to its base, by parent name and by the digest of the weights."""
    parent = ollama.show(base)
    if not names.same(shown.parent, base):
        fail(
            f"{shown.name} is made of {shown.parent or 'nothing named'}, the contract says {base}",
            place=subject.place,
            expected=base,
            observed=shown.parent,
            fix="make it again from its Modelfile",
        )
    if parent is not None and parent.weights != shown.weights:
        fail(
            f"{shown.name} names {base} as its parent and carries other weights"
            f" (sha256 {short(shown.weights)}, {base} has {short(parent.weights)})",
            place=subject.place,
            expected=parent.weights,
            observed=shown.weights,
            fix="the base changed after the variant was made: make it again",
        )


def _parameters(shown: Shown, served: Served, subject: Subject) -> None:
    """Hold a variant to its declared parameters."""
    wanted = served.model.stated(served.variant) if served.variant else {}
    for key, values in wanted.items():
        observed = shown.parameters.get(key, ())
        same = len(observed) == len(values) and all(any(agrees(o, v) for o in observed) for v in values)
        if not same:
            fail(
                f"{shown.name} serves {key} {', '.join(observed) or 'unset'}, the contract says {', '.join(values)}",
                place=subject.place,
                expected=", ".join(values),
                observed=", ".join(observed) or None,
                fix="make it again from its Modelfile",
            )


MODELS = Check("models", "served", "infra", models, model_subjects)
