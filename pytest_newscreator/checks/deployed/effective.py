"""`effective-config`: what Ollama's own log says that it uses is what it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources.ollama.settings import PREFIX, known, reads_as
from pytest_newscreator.verdicts import Finding, NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.startup_log import Said
    from pytest_newscreator.stack.model import Endpoint, Stack

_FOREVER = "2562047h47m16.854775807s"
_OWN_ORIGINS = "http://localhost https://localhost"
_ROTATED = "its log has no line of its start any more"


@frozen
class Used:
    """A variable of an Ollama server, or with the name "" the card that it is to compute on."""

    service: Service
    name: str


def effective_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each of Ollama's variables that a server is declared with or given, and its card where it has one."""
    for service in repository.contract.services.values():
        if service.kind != "ollama":
            continue
        names = dict.fromkeys(service.settings)
        for project in repository.resolved.values():
            given = repository.given(project, service)
            names.update(dict.fromkeys(given.environment if given else ()))
        names.update(dict.fromkeys(service.process.environment if service.process else ()))
        for name in names:
            if _is_read(name):
                place = service.settings[name].place if name in service.settings else service.place
                yield Subject(f"{service.key} {name}", place, Used(service, name))
        if service.gpu:
            yield Subject(f"{service.key} gpu", service.place, Used(service, ""), marker="gpu")


def _is_read(name: str) -> bool:
    """Return whether some version's server reads a variable of Ollama's own."""
    found = [table[name] for table in map(known, ("0.14.3", "0.24.0", None)) if name in table]
    return name.startswith(PREFIX) and any(variable.reader == "server" for variable in found)


def effective_config(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_selected: frozenset[str],
) -> None:
    """Ollama uses what it was given: the `server config` line of its log says so, and `inference compute` the card.

    A start script exported another value, a text was no number to Ollama and became the default, a driver was missing
    and everything went on on the CPU: the container's environment looked right each time. Correct what the chain
    names. Where the log has rotated the line away nothing is verified: start the server again, or keep longer logs.
    """
    from pytest_newscreator.observe.startup_log import said

    used: Used = newscreator_subject.data
    endpoint = endpoint_of(newscreator_stack, used.service, newscreator_selected)
    spoken = said(endpoint)
    if spoken is None:
        raise NotVerified(f"{used.service.key} is known by its URL alone, and its log is not here", needs="", fix="")
    if not used.name:
        _on_card(used.service, spoken)
        return
    if spoken.config is None:
        raise NotVerified(f"{used.service.key}: {_ROTATED}", needs="", fix=f"docker compose restart {used.service.key}")
    value = _given(newscreator_repository, newscreator_stack, used)
    text = _text(newscreator_stack, endpoint, used, value, newscreator_selected)
    finding = judge(used.service, used.name, text, spoken.config, spoken.version, value)
    if finding is not None:
        fail(
            finding.message, place=finding.place, expected=finding.expected, observed=finding.observed,
            chain=finding.chain, fix=finding.fix,
        )  # fmt: skip


def _given(repository: Repository, stack: Stack, used: Used) -> Value | None:
    """Return what the files give to the server for the invocation that the stack runs by."""
    if used.service.process is not None:
        text = used.service.process.environment.get(used.name)
        return Value(used.name, text) if text is not None else None
    project = repository.resolved.get(stack.invocation.name) if stack.invocation else None
    given = repository.given(project, used.service) if project else None
    return given.environment.get(used.name) if given else None


def _text(stack: Stack, endpoint: Endpoint, used: Used, value: Value | None, selected: frozenset[str]) -> str | None:
    """Return the text that a server should have read: what it was given, where `environment` holds that to the files.

    The first level that disagrees speaks: a container that was given another value is `environment`'s.
    """
    from pytest_newscreator.observe.environment import environment

    if f"environment[{used.service.key} {used.name}]" in selected:
        return (environment(endpoint) or {}).get(used.name)
    placed = stack.placed(used.service.key, used.name)
    return placed.placed if placed else value.text if value else None


def judge(  # noqa: PLR0913, PLR0917 - what was given, what is used, and by which version
    service: Service, name: str, text: str | None, config: Mapping[str, str], version: str | None, value: Value | None
) -> Finding | None:
    """Return how a server uses another value than it was given; NotVerified where its version prints none."""
    setting = service.settings.get(name)
    declared = setting.allowed if setting is not None else ()
    texts = (text,) if text is not None else tuple(declared)
    if not texts:
        raise NotVerified(f"{name} is given to {service.key} by another invocation only", needs="", fix="")
    if name not in config:
        raise NotVerified(f"Ollama {version or ''} does not print {name}".replace("  ", " "), needs="", fix="")
    used = told(name, config[name])
    expected = [as_printed(name, one, version) for one in texts]
    if used in expected:
        return None
    readings = [reads_as(name, one, version) for one in texts]
    why = f"; a text {texts[0]!r} is read as {readings[0].value}" if readings[0].value != texts[0] else ""
    given = f"it was given {texts[0]}" if text is not None else f"the contract says {' or '.join(texts)}"
    return Finding(
        f"{service.key} uses {name}={used or 'nothing'}, {given}{why}",
        place=_place(value) or service.place, expected=" or ".join(expected), observed=used,
        chain=("Ollama's own log says so: server config", *chain(value.chain if value else ())),
        fix="look for what sets it behind the environment: the start script, or a second server in the container",
    )  # fmt: skip


def _place(value: Value | None) -> Place | None:
    """Return where a value comes from."""
    return value.origin if value is not None else None


def as_printed(name: str, text: str, version: str | None) -> str:
    """Return a text as a server of a version reads it, in the form in which Go prints it."""
    value = reads_as(name, text, version).value
    if name == "OLLAMA_ORIGINS":
        return " ".join(value.split(","))
    if name == "OLLAMA_REMOTES":
        return f"[{' '.join(value.split(','))}]"
    if name == "OLLAMA_KV_CACHE_TYPE" and not text.strip():
        return ""
    return {"forever": _FOREVER, "unset": "false"}.get(value, value)


def told(name: str, text: str) -> str:
    """Return the part of a printed text that a setting speaks of: of the origins those before the server's own."""
    return text.removeprefix("[").partition(_OWN_ORIGINS)[0].strip() if name == "OLLAMA_ORIGINS" else text


def _on_card(service: Service, spoken: Said) -> None:
    """Judge where a server that has a card computes."""
    from pytest_newscreator.observe.gpu import has_nvidia

    if not has_nvidia():
        raise NotVerified("no NVIDIA GPU on this machine", needs="gpu", fix="run on the GPU host")
    if not spoken.compute:
        raise NotVerified(f"{service.key}: its log has no line of its GPUs any more", needs="", fix="start it again")
    finding = judge_card(service, spoken.compute)
    if finding is not None:
        fail(finding.message, place=finding.place, expected="a GPU", observed=finding.observed, fix=finding.fix)


def judge_card(service: Service, compute: tuple[Mapping[str, str], ...]) -> Finding | None:
    """Return that a server found no card: each line of its log is one device to compute on."""
    if any(fields.get("library", "").lower() not in {"cpu", ""} for fields in compute):
        return None
    found = ", ".join(fields.get("description") or fields.get("id", "") for fields in compute)
    fix = "see the lines of its log before: the driver, the runtime of the container, LD_LIBRARY_PATH"
    message = f"{service.key} found no GPU at its start and computes on {found}, the contract gives it {service.gpu}"
    return Finding(message, service.place, "a GPU", found, fix=fix)


EFFECTIVE_CONFIG = Check("effective-config", "deployed", "infra", effective_config, effective_subjects)
