"""Where a setting gets its value: every place in the files, then who wins under each way of starting the stack."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from pytest_newscreator.checks.facts.claims import Claim, agrees, aliases_of, claim_of
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Invocation, Service, Setting
from pytest_newscreator.errors import NewscreatorError, ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.sites import Site

Word = Literal["right", "wrong", "computed", ""]
"""What the contract says to a value; "" where it says nothing."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the contract says of a setting, and for whom: a service's key, or the model whose switch it is."""

    owner: str
    allowed: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Said:
    """One place of the files that gives a value; `value` None is computed when it runs."""

    place: Place
    kind: str
    name: str
    value: str | None
    word: Word
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Won:
    """What a service ends up with under one invocation; `text` None is unset, `own` tells its own default."""

    invocation: str
    service: str
    text: str | None
    word: Word
    place: Place | None
    chain: tuple[str, ...]
    own: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything about one setting: what is declared, what the files say, who wins."""

    name: str
    declared: tuple[Declared, ...]
    said: tuple[Said, ...]
    won: tuple[Won, ...]
    unresolved: tuple[str, ...] = ()


def trace(repository: Repository, name: str) -> Trace:
    """Follow one setting through the files and every invocation.

    Raises NewscreatorError where no file, no service and no contract knows the name.
    """
    found = Trace(
        name,
        tuple(_declared(repository, name)),
        tuple(_said(repository, name)),
        tuple(_won(repository, name)),
        tuple(_unresolved(repository)),
    )
    if not (found.declared or found.said or found.won):
        near = difflib.get_close_matches(name, names(repository), n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise NewscreatorError(f"nothing in this repository speaks of {name}{hint}", fix="`--all` lists every setting")
    return found


def names(repository: Repository) -> tuple[str, ...]:
    """Return every setting of the stack: what the contract declares, then what Compose gives to its services."""
    found = dict.fromkeys(repository.declared)
    for project in repository.resolved.values():
        for service in repository.contract.services.values():
            compose = repository.compose_service(project, service)
            found.update(dict.fromkeys(sorted(compose.environment) if compose else ()))
    return tuple(found)


def _declared(repository: Repository, name: str) -> Iterator[Declared]:
    """Yield what the contract says of a name."""
    for service, setting in repository.declared.get(name, ()):
        owner = service.key if service else next(m.key for m in repository.contract.models.values() if m.switch == name)
        yield Declared(owner, repository.contract.allowed(setting), setting.place)


def _said(repository: Repository, name: str) -> Iterator[Said]:
    """Yield each place that gives a value to the name, or to a name that is handed on as it."""
    aliases = aliases_of(repository)
    known_as = {name} | {alias for alias, ends in aliases.items() if name in ends}
    for site in repository.sites:
        if site.setting in known_as or site.into == name:
            claim = claim_of(repository, site, aliases)
            if not site.handed_on:
                yield Said(site.place, site.kind, site.setting or name, site.value, _word_of(site, claim), site.scope)


def _word_of(site: Site, claim: Claim | None) -> Word:
    """Return what the contract says of a site."""
    if site.value is None:
        return "computed"
    if claim is None:
        return ""
    return "right" if claim.holds else "wrong"


def _won(repository: Repository, name: str) -> Iterator[Won]:
    """Yield what each service ends up with, the contract's first, under each invocation."""
    keys = {service.compose: service for service in repository.contract.services.values() if service.compose}
    for invocation, project in repository.resolved.items():
        for compose in sorted(project.services.values(), key=lambda one: one.name not in keys):
            service = keys.get(compose.name)
            won = _of_service(repository, name, repository.contract.invocations[invocation], compose, service)
            if won is not None:
                yield won


def _of_service(
    repository: Repository,
    name: str,
    invocation: Invocation,
    compose: ComposeService,
    service: Service | None,
) -> Won | None:
    """Return what one service ends up with, or None where the name is nothing to it."""
    setting = service.settings.get(name) if service else None
    who = service.key if service else f"({compose.name})"
    here = repository.container(compose)
    value = here.environment.get(name)
    if value is not None:
        word = _word(repository, setting, invocation, value.text)
        return Won(invocation.name, who, value.text, word, value.origin, chain(value.chain))
    sites = list(repository.source_defaults(service, name)) if service else []
    if sites:
        site = sites[0]
        word = _word(repository, setting, invocation, site.value) if site.value is not None else "computed"
        hops = tuple(f"{one.place}: {one.kind} {name}={one.value}" for one in sites)
        return Won(invocation.name, who, site.value, word, site.place, hops, own=True)
    if setting is not None:
        return Won(invocation.name, who, None, "", setting.place, ())
    return None


def _word(repository: Repository, setting: Setting | None, invocation: Invocation, text: str | None) -> Word:
    """Return what the contract says of a resolved value."""
    if setting is None:
        return ""
    allowed = repository.contract.allowed(setting, invocation)
    return "right" if text is not None and any(agrees(text, one) for one in allowed) else "wrong"


def _unresolved(repository: Repository) -> Iterator[str]:
    """Yield the invocations that Compose would refuse, with the reason."""
    for name, project in repository.projects.items():
        if isinstance(project, ResolutionError):
            yield f"{name}: {project.place or ''}{': ' if project.place else ''}{project.message}"


def render(found: Trace) -> str:
    """Return a trace as people read it."""
    lines = [found.name]
    lines += [f"  contract  {' or '.join(one.allowed)}  ({one.owner}, {one.place})" for one in found.declared]
    if not found.declared:
        lines.append("  contract  says nothing")
    if found.said:
        rows = [(str(s.place), s.kind, _shown(s.value, s.word), s.word, _as(s, found.name)) for s in found.said]
        lines += ["", "  what the files say", *_columns(rows, "    ")]
    for won in found.won:
        own = "its own default: " if won.own else ""
        mark = f"  {won.word}" if won.word else ""
        lines += ["", f"  {won.invocation}: {won.service} gets {own}{_shown(won.text, won.word)}{mark}"]
        lines += [f"    {hop}" for hop in won.chain] or ["    nothing gives it"]
    lines += [f"\n  {text}" for text in found.unresolved]
    return "\n".join(lines)


def _as(said: Said, name: str) -> str:
    """Return what else a reader wants to know of a place: the other name it stands under, and whose it is."""
    parts = [f"as {said.name}"] if said.name != name else []
    return ", ".join([*parts, *([said.scope] if said.scope else [])])


def _shown(text: str | None, word: Word) -> str:
    """Return a value as a table shows it."""
    if text is None:
        return "(computed)" if word == "computed" else "(unset)"
    return text or '""'


def _columns(rows: Sequence[Sequence[str]], indent: str) -> list[str]:
    """Align rows; the last column is left as it is."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def table(repository: Repository) -> tuple[Trace, ...]:
    """Return the trace of every setting of the stack."""
    return tuple(trace(repository, name) for name in names(repository))


def render_table(traces: Sequence[Trace]) -> str:
    """Return the table of the whole stack: a row for each service and setting, a column for each invocation."""
    invocations = list(dict.fromkeys(won.invocation for found in traces for won in found.won))
    rows = [["service", "setting", "contract", *invocations]]
    for found in traces:
        for service in dict.fromkeys(won.service for won in found.won):
            cells = {won.invocation: _cell(won) for won in found.won if won.service == service}
            wanted = next((" or ".join(d.allowed) for d in found.declared if d.owner == service), "-")
            rows.append([service, found.name, wanted, *(cells.get(name, "-") for name in invocations)])
    rows[1:] = sorted(rows[1:], key=lambda row: (row[0].startswith("("), row[0]))
    unresolved = list(dict.fromkeys(text for found in traces for text in found.unresolved))
    return "\n".join([*_columns(rows, ""), *(f"\nunresolved: {text}" for text in unresolved)])


def _cell(won: Won) -> str:
    """Return one value with its mark: `!` is wrong, `~` the program's own default."""
    return ("!" if won.word == "wrong" else "") + ("~" if won.own else "") + _shown(won.text, won.word)


def as_json(found: Trace | Sequence[Trace]) -> str:
    """Return traces as JSON, the fields as they are here."""
    plain = asdict(found) if isinstance(found, Trace) else [asdict(one) for one in found]
    return json.dumps(plain, indent=2, ensure_ascii=False)
