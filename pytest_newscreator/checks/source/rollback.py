"""Level `source`: the switch that selects the base brings the rollback base into every variant that is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Invocation, Model
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.resolve.compose.project import Project, load_project
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import Creation, Running, reading, running
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Finding, NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.resolve.start.script_flow import Flow
    from pytest_newscreator.sources.sites import Site

_PROGRAM = re.compile(r"^[ \t]*(?:exec )?(?:python[\d.]*|perl|node|ruby|php|deno|bun)[ \t]+[^-\s]\S*", re.MULTILINE)


def rollback_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every model with a switch and a rollback that a Compose service serves."""
    for model in repository.contract.models.values():
        service = repository.contract.services.get(model.service or "")
        if model.switch and model.rollback and service is not None and service.compose is not None:
            yield Subject(model.key, model.place, model)


def rollback_chain(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """With the switch set to the rollback base in the shell, every variant that is served is made of that base.

    Nobody tries a rollback before the night it is needed. It happened with a switch that Compose did not hand on,
    with a start script that passed over variants which existed already, and with a Modelfile whose FROM nothing
    replaced: each time the stack came up as before, healthy. Mend the place named.
    """
    newscreator_conclude("rollback-chain", newscreator_subject)


def judge_rollback(subject: Subject, repository: Repository) -> Finding | None:
    """Return the first place at which the switch is lost, under the first invocation that loses it."""
    model: Model = subject.data
    unsure: NotVerified | None = None
    for name, project in _switched(repository, model):
        invocation = repository.contract.invocations[name]
        wanted = invocation.base.get(model.key) or model.rollback or ""
        try:
            finding = _judged(repository, model, project, wanted, invocation)
        except NotVerified as missing:
            unsure = unsure or missing
            continue
        if finding is not None:
            return finding
    if unsure is not None:
        raise unsure
    return None


def _switched(repository: Repository, model: Model) -> Iterator[tuple[str, Project]]:
    """Yield every invocation with the switch set; one that replaces the base itself is taken as it is."""
    for name, project in repository.resolved.items():
        invocation = repository.contract.invocations[name]
        if model.key in invocation.base:
            yield name, project
            continue
        try:
            yield (
                name,
                load_project(
                    repository.root,
                    files=invocation.files,
                    env_files=invocation.env_files,
                    environment={**invocation.environment, model.switch or "": model.rollback or ""},
                    environment_place=invocation.place,
                    profiles=invocation.profiles,
                    project_directory=invocation.project_directory,
                ),
            )
        except ResolutionError:  # the switch decides about more than the model, which `resolved` cannot see either
            continue


def _judged(
    repository: Repository, model: Model, project: Project, wanted: str, invocation: Invocation
) -> Finding | None:
    """Judge one invocation: what the container is given, then what its scripts make of it."""
    service = repository.contract.services[model.service or ""]
    own = repository.compose_service(project, service)
    if own is None:
        return None
    containers = [running(repository, project, own)]
    containers += [running(repository, project, other) for other in project.services.values() if other is not own]
    makers = [container for container in containers if _creations(container, model)]
    maker = makers[0] if makers else containers[0]
    carried = _carried(maker, model, wanted)
    if not carried:
        lost = _ungiven(maker, model, wanted, invocation)
        # With nothing given, the service's own default holds: `resolved` tells that where an invocation rolls back.
        defaults = repository.source_defaults(service, model.switch or "") if lost.lacks else ()
        return replace(lost, causes=tuple(site.place for site in defaults))
    made = _creations(maker, model)
    if not made:
        why = maker.startup.unknown or _asks(maker)
        if model.variants and why:
            reason = f"whether the variants of {model.key} follow {model.switch} is not known: {why}"
            raise NotVerified(reason, needs="", fix="")
        return None
    finding = _overwritten(maker, carried, wanted)
    if finding is not None:
        return finding
    finding = _unread(maker, model, made, carried) or _unmade(maker, model, made, carried)
    program = next(filter(None, (_PROGRAM.search(script.source.text) for script in maker.startup.scripts)), None)
    if finding is not None and program is not None:
        reason = f"{finding.place}: what {model.switch} does to {model.key} is decided by `{program[0].strip()}`"
        raise NotVerified(reason, needs="", fix="")
    return finding


def _asks(container: Running) -> str:
    """Return which script asks Ollama's API to create models, "" for none."""
    asking = (script for script in container.startup.scripts if "/api/create" in script.source.text)
    script = next(asking, None)
    return f"{script.place} asks Ollama to create models" if script is not None else ""


def _creations(container: Running, model: Model) -> list[Creation]:
    """Return what a container creates of the model's variants; a computed name may be one."""
    if not model.variants:
        return []
    found = [Creation(container, *call) for call in container.calls("create")]
    known = [one for one in found if any(one.makes(name) for name in model.variants)]
    return known or [one for one in found if one.name is None]


def _carried(container: Running, model: Model, wanted: str) -> frozenset[str]:
    """Return the variables by which a container is given the wanted base: the switch, or another one made of it."""
    return frozenset(
        name
        for name, value in container.given.environment.items()
        if value.text and names.same(value.text, wanted) and (name == model.switch or _comes_from(value, model))
    )


def _comes_from(value: Value, model: Model) -> bool:
    """Return whether a value is the switch's, under another name."""
    return any(hop.name == model.switch and hop.won for hop in value.chain)


def _ungiven(container: Running, model: Model, wanted: str, invocation: Invocation) -> Finding:
    """Say that the container is not given the wanted base; NotVerified where the image is built with it."""
    compose, name = container.compose, model.switch or ""
    build = compose.build
    if build is not None and any(_comes_from(value, model) or arg == name for arg, value in build.args.items()):
        reason = f"{name} goes into the image of {compose.name}, which has to be built again for a rollback"
        raise NotVerified(reason, needs="", fix="")
    value = container.given.environment.get(name)
    is_given = value is not None and value.text is not None
    stays = f"stays {value.text}" if value is not None and is_given else "is not given"
    sets = f"sets {wanted}" if model.key not in invocation.base else f"should select {wanted}"
    return Finding(
        f"{name} of {compose.name} {stays} when the shell {sets} (invocation {invocation.name})",
        place=(value.origin if value is not None else None) or compose.place,
        expected=wanted,
        observed=value.text if value is not None else "unset",
        chain=chain(value.chain) if value is not None else (),
        fix=f"write `{name}: ${{{name}:-{model.base}}}` under `environment:`",
        lacks="" if is_given else name,
    )


def _overwritten(container: Running, carried: frozenset[str], wanted: str) -> Finding | None:
    """Say that a script replaces the switch by a value of its own."""
    for script in container.startup.scripts:
        for one in container.ran(script).overwrites:
            is_other = one.removed or (one.value is not None and not names.same(one.value, wanted))
            if one.name in carried and not one.conditional and is_other:
                return Finding(
                    f"{one.name} becomes {one.value or 'unset'} here, whatever it is switched to",
                    place=script.at(one.place),
                    expected=wanted,
                    observed=one.value,
                    fix=f"write ${{{one.name}:-{one.value or ''}}} for a default",
                )
    return None


def _unread(container: Running, model: Model, made: list[Creation], carried: frozenset[str]) -> Finding | None:
    """Say that no script of the container reads the switch: at the base that is written there in its place."""
    scripts = container.startup.scripts
    if any(carried & reading(script.source).reads for script in scripts):
        return None
    name = min(carried)
    fixed = _fixed(container, model, made)
    return Finding(
        f"no script of {container.compose.name} reads {name}: what it creates never changes",
        place=fixed.place if fixed is not None else scripts[0].place,
        observed=fixed.value if fixed is not None else None,
        fix=f"write ${{{name}:-{fixed.value}}}" if fixed is not None else f"make the variants of ${{{name}}}",
        lacks="" if fixed is not None else name,
    )


def _fixed(container: Running, model: Model, made: list[Creation]) -> Site | None:
    """Return where a name of a model is assigned to the variable that what is created gets its FROM of."""
    bases = [name for name in (model.base, model.rollback, *model.retired) if name]
    for script in container.startup.scripts:
        sites = reading(script.source).sites if script.inline is None else ()
        for site in sites:
            name = site.into or site.setting
            is_base = site.value is not None and any(names.same(site.value, base) for base in bases)
            if is_base and name and site.kind in {"shell-assignment", "shell-default"}:
                flow, scripts = _flow(container, model, frozenset({name})), container.startup.scripts
                commands = [flow.command_at(scripts.index(one.script), one.call.place) for one in made]
                if any(command is not None and flow.is_remade(command) for command in commands):
                    return site
    return None


def _flow(container: Running, model: Model, carried: frozenset[str]) -> Flow:
    """Return where some variables go in the scripts of a container."""
    from pytest_newscreator.resolve.start.script_flow import Wanted, flow

    texts = tuple(filter(None, (model.base, model.rollback)))
    return flow(tuple(script.source for script in container.startup.scripts), Wanted(carried, texts))


def _unmade(container: Running, model: Model, made: list[Creation], carried: frozenset[str]) -> Finding | None:
    """Say which `ollama create` keeps a FROM of its own, or is passed over where the variant exists."""
    flow, scripts = _flow(container, model, carried), container.startup.scripts
    for one in made:
        command = flow.command_at(scripts.index(one.script), one.call.place)
        if command is None:
            continue
        name, place = one.name or "what is created", one.script.at(one.call.place)
        switch = min(carried)
        if not flow.is_remade(command):
            message = f"{name} keeps the FROM of its Modelfile: {switch} is not put into it"
            return Finding(message, place, fix=f"replace FROM by ${{{switch}}} before it is created")
        if flow.is_skipped(command):
            message = f"{name} is created only where it does not exist: an existing one keeps the base it was made of"
            return Finding(
                message, place, fix="create it at every start: it takes milliseconds where the base is there"
            )
    return None


ROLLBACK_CHAIN = Check("rollback-chain", "source", "config", rollback_chain, rollback_subjects, judge_rollback)
