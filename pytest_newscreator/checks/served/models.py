"""`models`: the server has every variant, made of the decided base with the decided parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served import made
from pytest_newscreator.checks.served.made import Holding
from pytest_newscreator.checks.served.names import Served, model_subjects, server
from pytest_newscreator.contract.model import Model
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Broken, Finding

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Ollama
    from pytest_newscreator.stack.model import Stack


def models(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_selected: frozenset[str],
) -> None:
    """The server has every variant, made of the decided base, with the decided parameters, template and digest.

    A start script that skips a variant that exists keeps serving the old base under the new configuration: the
    name is right, the weights are not. So does a base that was pulled again after the variant was made of it.
    Compared are digests, not names. Make the variant again from its Modelfile.
    """
    served: Served = newscreator_subject.data
    ollama = server(newscreator_stack, served.service, newscreator_selected)
    wanted = newscreator_repository.contract.base_in(served.model, newscreator_stack.invocation)
    name = served.name(newscreator_repository.contract, newscreator_stack)
    held = holding(ollama, served.model)
    if name not in held.shown:
        raise Broken(_missing(served, name, held, newscreator_subject))
    finding = made.judge(served, held, wanted)
    if finding is not None:
        raise Broken(made.at(finding, newscreator_subject.place))
    made.hold_unverified(served, held, wanted)


def holding(ollama: Ollama, model: Model) -> Holding:
    """Return what a server has, with everything it tells of the models that this one could be made of."""
    digests = ollama.digests()
    known = (*model.names, *model.retired, *([model.rollback] if model.rollback else []), *digests)
    shown = {name: one for name in dict.fromkeys(known) if (one := ollama.show(name)) is not None}
    by_name = {name: digest for name in shown for other, digest in digests.items() if names.same(name, other)}
    return Holding(shown, by_name, tuple(sorted(digests)))


def _missing(served: Served, name: str, held: Holding, subject: Subject) -> Finding:
    """Say what the server has instead."""
    has = ", ".join(held.listed) or "no model"
    return Finding(
        f"{served.service.key} does not have {name}; it has {has}",
        subject.place,
        name,
        has,
        fix=f"make it again (up -d of {served.service.compose or served.service.key})",
    )


MODELS = Check("models", "served", "infra", models, model_subjects)
