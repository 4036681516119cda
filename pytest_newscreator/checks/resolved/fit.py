"""Level `resolved`: what is asked fits what is sent, and a caller waits as long as its callee may take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pytest_newscreator.checks.facts.asking import sent_under_each, target_of
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import LatencyCase, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Finding, NotVerified

_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|h|m|s))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DOCKER = {"start_period": 0.0, "interval": 30.0, "retries": 3.0}
"""What Docker takes for a part of a health check that neither Compose nor the image gives."""


@frozen
class Window:
    """The num_ctx that a service sends under one invocation, and the latency cases of what it asks."""

    service: str
    setting: str
    invocation: str
    sent: str
    place: Place
    cases: tuple[LatencyCase, ...]


@frozen
class Answer:
    """The num_predict that a service sends under one invocation, and the num_ctx that goes with it."""

    service: str
    setting: str
    invocation: str
    sent: str
    place: Place
    window: str
    window_place: Place


@frozen
class Start:
    """A service that others wait for until it is healthy, and how long the contract lets it take."""

    service: Service
    compose: ComposeService
    invocation: str
    callers: tuple[str, ...]
    options: Mapping[str, str]


def fit_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield invocation x service x option for what is sent, and invocation x service for who is waited for."""
    for service in repository.contract.services.values():
        yield from _windows(repository, service)
        yield from _answers(repository, service)
    for invocation, project in repository.resolved.items():
        for service in repository.contract.services.values():
            start = _start(repository, project, invocation, service) if service.states_ready_within else None
            if start is not None:
                yield Subject(f"{invocation} {service.key} start", start.compose.place, start)


def _windows(repository: Repository, service: Service) -> Iterator[Subject]:
    """Yield the num_ctx of a service where latency cases are declared for what it asks."""
    setting, target = service.options.get("num_ctx"), target_of(repository, service)
    latency = repository.contract.latency
    cases = tuple(latency.cases.values()) if latency and target else ()
    asked = tuple(case for case in cases if case.model and target and names.same(case.model, target.name))
    for invocation, text, place in sent_under_each(repository, service, setting) if setting and asked else ():
        window = Window(service.key, setting or "", invocation, text, place, asked)
        yield Subject(f"{invocation} {service.key} num_ctx", place, window)


def _answers(repository: Repository, service: Service) -> Iterator[Subject]:
    """Yield the num_predict of a service, with the num_ctx it sends or that of the variant it asks."""
    setting, window = service.options.get("num_predict"), service.options.get("num_ctx")
    declared = _declared_window(repository, service)
    windows = {name: (text, at) for name, text, at in sent_under_each(repository, service, window)} if window else {}
    for invocation, text, place in sent_under_each(repository, service, setting) if setting else ():
        known = windows.get(invocation, declared)
        if known is not None:
            answer = Answer(service.key, setting or "", invocation, text, place, *known)
            yield Subject(f"{invocation} {service.key} num_predict", place, answer)


def _declared_window(repository: Repository, service: Service) -> tuple[str, Place] | None:
    """Return the num_ctx that the contract gives to what a service asks."""
    target = target_of(repository, service)
    for model in repository.contract.models.values() if target else ():
        variant = model.variants.get(target.name) if target else None
        if variant is not None and variant.num_ctx is not None:
            return str(variant.num_ctx), variant.place
    return None


def _start(repository: Repository, project: Project, invocation: str, service: Service) -> Start | None:
    """Return a service that has a health check in Compose, and that another one waits for."""
    compose = repository.compose_service(project, service)
    health = compose.get("healthcheck") if compose is not None else None
    if compose is None or health is None or not health.children or _is_disabled(compose):
        return None
    callers = tuple(name for name, other in project.services.items() if _waits(other, compose.name))
    given = repository.given(project, service)
    options = given.image.healthcheck_options if given and given.image else {}
    return Start(service, compose, invocation, callers, options) if callers else None


def _is_disabled(compose: ComposeService) -> bool:
    """Return whether Compose switches the health check off."""
    disable, test = compose.get("healthcheck.disable"), compose.get("healthcheck.test")
    words = test.value if test is not None else None
    return (disable is not None and disable.value is True) or words in ("NONE", ["NONE"])


def _waits(caller: ComposeService, name: str) -> bool:
    """Return whether a service is not started before another one is healthy."""
    condition = caller.get("depends_on")
    entry = condition.children.get(name) if condition is not None else None
    wanted = entry.children.get("condition") if entry is not None else None
    required = entry.children.get("required") if entry is not None else None
    is_required = required is None or required.value not in {False, "false"}
    return wanted is not None and wanted.value == "service_healthy" and is_required


def fit(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """What is asked fits the num_ctx that is sent with it, and who waits for a service waits as long as it may take.

    Ollama cuts a prompt that is longer than num_ctx from the front, without an error: the summary is then one of the
    end of the article. It happened with a num_ctx that an override had halved to save memory. And Docker calls a
    service unhealthy after start_period and `retries` probes: whoever depends on it is then not started at all.
    Raise the value that is named, or declare what is really meant.
    """
    newscreator_conclude("fit", newscreator_subject)


def judge_fit(subject: Subject, _: Repository) -> Finding | None:
    """Return what does not fit; NotVerified where a value is no number."""
    case: Window | Answer | Start = subject.data
    if isinstance(case, Window):
        return _short_window(case)
    return _long_answer(case) if isinstance(case, Answer) else _short_start(case)


def _short_window(case: Window) -> Finding | None:
    """Find a latency case that is longer than the num_ctx sent; the longest one is named."""
    sent = _number(case.sent, case.setting, case.place)
    longest = max(case.cases, key=lambda each: each.prompt_tokens + each.output_tokens)
    needed = longest.prompt_tokens + longest.output_tokens
    if needed <= sent:
        return None
    return Finding(
        f"{case.service} sends num_ctx {case.sent} ({case.setting}), latency case {longest.name} needs "
        f"{longest.prompt_tokens} + {longest.output_tokens} tokens, should fit (invocation {case.invocation})",
        place=case.place,
        expected=f"at least {needed}",
        observed=case.sent,
        chain=(f"{longest.place}: the case {longest.name}",),
        fix=f"send at least {needed}, or declare shorter prompts",
    )


def _long_answer(case: Answer) -> Finding | None:
    """Find a num_predict that leaves no room for a prompt; a negative one sets no limit."""
    sent = _number(case.sent, case.setting, case.place)
    window = _number(case.window, "num_ctx", case.window_place)
    if sent < window:
        return None
    return Finding(
        f"{case.service} sends num_predict {case.sent} ({case.setting}), num_ctx is {case.window}, should be below it "
        f"(invocation {case.invocation})",
        place=case.place,
        expected=f"below {case.window}",
        observed=case.sent,
        chain=(f"{case.window_place}: num_ctx {case.window}",),
        fix=f"send less than {case.window}: the prompt needs room too",
    )


def _short_start(case: Start) -> Finding | None:
    """Find a health check that gives up before the contract does."""
    period, interval, retries = (_health(case, name) for name in ("start_period", "interval", "retries"))
    patience, needed = period + retries * interval, case.service.ready_within_s
    if patience >= needed:
        return None
    own = case.compose.get("healthcheck.start_period")
    block = case.compose.get("healthcheck")
    place = own.place if own is not None else block.place if block is not None else case.compose.place
    return Finding(
        f"{case.service.key} is called unhealthy after {_text(period)} + {_text(retries)} x {_text(interval)} s, the "
        f"contract lets it take {_text(needed)} s: {' and '.join(case.callers)} would not be started "
        f"(invocation {case.invocation})",
        place=place,
        expected=f"at least {_text(needed)} s",
        observed=f"{_text(patience)} s",
        fix=f"raise start_period to {_text(needed)}s",
        lacks="" if own is not None else "start_period",
    )


def _health(case: Start, name: str) -> float:
    """Return a part of a health check: of Compose, else of the image, else what Docker takes; seconds or a number."""
    node = case.compose.get(f"healthcheck.{name}")
    text = case.options.get(name.replace("_", "-")) if node is None or node.content is None else str(node.value)
    if text is None:
        return _DOCKER[name]
    seconds = float(text) if name == "retries" and text.isdecimal() else _duration(text)
    if seconds is None:
        raise NotVerified(f"{name} of {case.compose.name} is {text}, which is no duration", needs="", fix="")
    return seconds or _DOCKER[name]


def _duration(text: str) -> float | None:
    """Return the seconds of a duration as Docker writes it, such as 1m30s; None for anything else."""
    if not _DURATION.fullmatch(text):
        return 0.0 if text == "0" else None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _number(text: str, name: str, place: Place) -> int:
    """Return a whole number."""
    try:
        return int(text)
    except ValueError:
        raise NotVerified(f"{place}: {name} is {text or 'empty'}, which is no number", needs="", fix="") from None


def _text(number: float) -> str:
    """Return a number as short as it can be."""
    return f"{number:g}"


FIT = Check("fit", "resolved", "config", fit, fit_subjects, judge_fit)
