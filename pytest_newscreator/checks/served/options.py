"""`app-options`: what an application really asks of Ollama is what the Modelfile says: no runner is restarted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pytest_newscreator.checks.deployed.services import endpoint_of
from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served import runners
from pytest_newscreator.checks.served.names import server
from pytest_newscreator.contract.model import Contract, Model, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Broken, Finding, NotVerified, fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_newscreator.observe.ollama import Ollama, Shown
    from pytest_newscreator.stack.model import Endpoint, Stack

ASKING: Final = ("/api/chat", "/api/generate", "/v1/chat/completions", "/v1/completions")
FREE: Final = frozenset({"num_predict", "seed", "stop", "num_keep"})
"""Options that belong to one request, and restart no runner."""
DEFAULTS: Final[Mapping[str, tuple[str, ...]]] = {"num_batch": ("512",)}
"""What Ollama takes where neither request nor Modelfile says it, of the options that a runner is started with."""
ANSWER_S: Final = 600.0


@frozen
class Asking:
    """A service that asks a model, the server behind it, and the variable that holds the address."""

    service: Service
    backend: Service
    model: Model
    variable: str


def options_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each use of a model of an Ollama by an http service."""
    for service in repository.contract.services.values():
        for key, variable in service.uses.items():
            model = repository.contract.models[key]
            backend = repository.contract.services.get(model.service or "")
            if service.kind == "http" and backend is not None and backend.kind == "ollama":
                yield Subject(f"{service.key} {key}", service.place, Asking(service, backend, model, variable))


def app_options(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_contract: Contract,
    newscreator_selected: frozenset[str],
    record_property: Callable[[str, object], None],
) -> None:
    """What arrives at Ollama from an application equals what the Modelfile says, so that no runner is restarted.

    A request with another num_ctx or num_batch than the one before it restarts the runner: seconds for each request,
    and another share of the card. The files may agree and a client library may still send a default of its own. In a
    stack that was started here a second instance of the application asks through a recording proxy, by the contract's
    `request:`; on one that was found nothing is sent, and the server's log tells which windows it was started with.
    Send what the Modelfile says, or nothing.
    """
    asking: Asking = newscreator_subject.data
    ollama = server(newscreator_stack, asking.backend, newscreator_selected)
    endpoint = endpoint_of(newscreator_stack, asking.service, newscreator_selected)
    if not newscreator_stack.owned:
        served_by = endpoint_of(newscreator_stack, asking.backend, newscreator_selected)
        finding, told = runners.judge_log(
            served_by, endpoint, ollama, asking.model, newscreator_subject, newscreator_selected
        )
        _conclude(finding, told, record_property)
        return
    if asking.service.request is None:
        raise NotVerified(
            f"the contract does not say how to make {asking.service.key} ask its model",
            needs="",
            fix=f"declare services.{asking.service.key}.request: {{path: …, body: {{…}}}}",
        )
    seen = _recorded(endpoint, asking, ollama, newscreator_stack)
    known = {name: shown for name in names_of(newscreator_contract) if (shown := ollama.show(name))}
    asked = [one for one in seen if urlsplit(str(one["path"])).path in ASKING]
    if not asked:
        raise NotVerified(
            f"{asking.service.key} answered without asking {asking.backend.key} at {asking.variable}",
            needs="",
            fix=f"let services.{asking.service.key}.request be one that the model must answer",
        )
    finding = next((found for one in asked if (found := judge(one, known, asking, newscreator_subject))), None)
    _conclude(finding, f"{len(asked)} requests arrived as the Modelfile says", record_property)


def names_of(contract: Contract) -> tuple[str, ...]:
    """Return every name that a request may use."""
    return tuple(name for model in contract.models.values() for name in (*model.names, model.rollback) if name)


def _conclude(finding: Finding | None, told: str, record_property: Callable[[str, object], None]) -> None:
    """Raise what was found, or tell what was seen."""
    if finding is not None:
        raise Broken(finding)
    record_property("newscreator.detail", told)


def judge(one: Mapping[str, Any], known: Mapping[str, Shown], asking: Asking, subject: Subject) -> Finding | None:
    """Return what is wrong with one request that arrived."""
    name, key = str(one.get("model", "")), asking.service.key
    shown = next((shown for other, shown in known.items() if names.same(name, other)), None)
    if shown is None:
        message = f"{key} asks {asking.backend.key} for {name or 'no model'}, which the contract does not know"
        return Finding(message, subject.place, ", ".join(asking.model.names), name, fix="correct the name it asks for")
    sent = one.get("options")
    for option, value in sent.items() if isinstance(sent, Mapping) else ():
        finding = _option(str(option), value, shown, asking, subject)
        if finding is not None:
            return finding
    return None


def _option(option: str, value: object, shown: Shown, asking: Asking, subject: Subject) -> Finding | None:
    """Return what is wrong with one option of a request."""
    from pytest_newscreator.observe.ollama import RUNNER_PARAMETERS

    is_runners = option in RUNNER_PARAMETERS
    own: tuple[str, ...] = shown.parameters.get(option) or DEFAULTS.get(option, ())
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if option in FREE or value is None or (option == "num_gpu" and text == "-1"):
        return None
    if not own and not is_runners:
        return None
    if any(agrees(text, one) for one in own):
        return None
    served = ", ".join(own) or "unset"
    harm = "each such request restarts the runner" if is_runners else "the decided value is not in effect"
    return Finding(
        f"{asking.service.key} asks {shown.name} with {option} {text}, its Modelfile says {served}: {harm}",
        subject.place,
        served,
        text,
        fix=f"send {option} {served}, or do not send it" if own else f"do not send {option}",
    )


def _recorded(endpoint: Endpoint, asking: Asking, ollama: Ollama, stack: Stack) -> Sequence[Mapping[str, Any]]:
    """Return what arrives when a second instance of the application is asked once."""
    if endpoint.container is not None:
        return _through_containers(endpoint, asking)
    if endpoint.pid is None:
        raise NotVerified(f"{asking.service.key} is known by its URL alone", needs="", fix="")
    return _through_processes(endpoint, asking, ollama, stack)


def _through_processes(endpoint: Endpoint, asking: Asking, ollama: Ollama, stack: Stack) -> Sequence[Mapping[str, Any]]:
    """Ask a second process through a recorder of this one."""
    from pytest_newscreator.observe.recorder import Recorder
    from pytest_newscreator.stack import beside

    upstream = urlsplit(ollama.url).netloc
    with contextlib.closing(Recorder(upstream)) as recorder:
        with beside.process(endpoint, asking.variable, upstream, recorder.address, stack.own_run) as url:
            _ask(url, asking)
        return list(recorder.seen)


def _through_containers(endpoint: Endpoint, asking: Asking) -> Sequence[Mapping[str, Any]]:
    """Ask a second container through a recorder in another."""
    from pytest_newscreator.observe import recorder
    from pytest_newscreator.stack import beside

    with beside.container(endpoint, asking.variable, Path(recorder.__file__)) as one:
        _ask(one.url, asking)
        return recorder.read(one.log())


def _ask(url: str, asking: Asking) -> None:
    """Send the contract's request; an answer that is none is a failure of the application."""
    from pytest_newscreator.stack import probe

    request = asking.service.request
    if request is None:
        return
    answer = probe.request(url, request.path, method=request.method, body=request.body, timeout_s=ANSWER_S)
    if not answer.is_ok:
        fail(
            f"{asking.service.key} does not answer the contract's request: {request.path} answered {answer}",
            place=request.place,
            expected="200",
            observed=str(answer),
            fix="correct services.…request, or see the log of the service",
        )


APP_OPTIONS = Check("app-options", "served", "infra", app_options, options_subjects)
