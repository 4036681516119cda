"""Level `source`: what each Modelfile says, used today or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_newscreator.checks.facts.claims import MODELFILE_KINDS, agrees, retired_name
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.source.creations import creating
from pytest_newscreator.contract.model import Model, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import bounds
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.ollama.modelfile import Modelfile, parse
from pytest_newscreator.sources.sites import Site
from pytest_newscreator.verdicts import Finding


@frozen
class Stated:
    """One statement of a Modelfile that the contract speaks about; `place` is the value's, or the file's.

    `creates` is the model that a request to create one makes of it, in the place of a Modelfile; `declared` says
    where the contract has what is expected from.
    """

    path: str
    key: str
    values: tuple[str, ...]
    expected: tuple[str, ...]
    place: Place
    creates: str = ""
    declared: str = ""


def modelfile_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield FROM and each declared parameter of every variant's Modelfile, then what other Modelfiles name."""
    declared = repository.contract.modelfiles
    for model in repository.contract.models.values():
        for variant in model.variants.values():
            if variant.modelfile:
                yield from _variant_subjects(repository, model, variant)
    for path, read in repository.reads.items():
        if path in declared:
            continue
        groups: dict[tuple[str, str | None], list[Site]] = {}
        for site in read.sites:
            if site.kind in MODELFILE_KINDS and site.place.path == path:
                groups.setdefault((site.scope, site.model), []).append(site)
        for (_, made), sites in groups.items():
            yield from _other_subjects(repository, path, made, sites)
    yield from creation_subjects(repository)


def _other_subjects(repository: Repository, path: str, made: str | None, sites: Sequence[Site]) -> Iterator[Subject]:
    """Yield what a Modelfile says that no variant declares: a file of its own, or one that a script or a config holds.

    One that is known to make a variant must not say anything else than that variant's should; of any other only FROM
    counts. What a script leaves out may come from a file that it copies.
    """
    every = [(model, one) for model in repository.contract.models.values() for one in model.variants.values()]
    meant = next(((model, one) for model, one in every if made and names.same(made, one.name)), None)
    bases = [site for site in sites if site.kind == "modelfile-from"]
    origin = _origin(repository, path, bases[-1]) if bases else None
    if meant is None:
        if origin is not None and origin.value is not None:
            yield Subject(f"{path} FROM", origin.place, Stated(path, "FROM", (origin.value,), (), origin.place))
        return
    model, variant = meant
    for key, expected in {"FROM": (model.base,), **model.stated(variant)}.items():
        found = [origin] if key == "FROM" and bases else [site for site in sites if site.setting == key]
        if not found and path not in repository.compose_files:
            continue
        if not any(site is None for site in found):
            given = [site for site in found if site is not None]
            place = given[-1].place if given else sites[0].place
            values = tuple(site.value or "" for site in (given if key == "stop" else given[-1:]))
            stated = Stated(path, key, values, expected, place, declared=_declared(model, variant, key))
            yield Subject(f"{path} {variant.name} {key}", place, stated)


def _origin(repository: Repository, path: str, site: Site) -> Site | None:
    """Return the site that a FROM has its value from: itself, or the default of the variable it hands on."""
    if not site.handed_on:
        return site if site.value is not None else None
    given = (one for one in repository.reads[path].sites if one.setting == site.setting and one.value is not None)
    return next(given, None)


def _variant_subjects(repository: Repository, model: Model, variant: Variant) -> Iterator[Subject]:
    """Yield what the contract says about one Modelfile."""
    path = variant.modelfile or ""
    source = repository.source(path)
    if source is None:
        yield Subject(f"{variant.name} file", variant.place, Stated(path, "file", (), ("exists",), variant.place))
        return
    parsed = parse(source.text)
    for problem in parsed.problems:
        if not problem.line:  # that FROM is not there at all, which FROM's own subject says
            continue
        place = Place(path, problem.line, problem.column)
        yield Subject(f"{variant.name} grammar", place, Stated(path, "grammar", (problem.message,), (), place))
    wanted = {"FROM": (model.base,), **model.stated(variant)}
    for key, expected in wanted.items():
        values, place = _stated(parsed, path, key)
        stated = Stated(path, key, values, expected, place, declared=_declared(model, variant, key))
        yield Subject(f"{variant.name} {key}", place, stated)


def _declared(model: Model, variant: Variant, key: str) -> str:
    """Return where the contract says what a Modelfile should state: at the base, else at the variant."""
    if key == "FROM":
        return f"{model.base_place}: declares the base {model.base}"
    return f"{variant.place}: declares {variant.name}"


def _stated(parsed: Modelfile, path: str, key: str) -> tuple[tuple[str, ...], Place]:
    """Return what a Modelfile states for FROM or a parameter: the last FROM, the last value, every stop."""
    command = "model" if key == "FROM" else key
    found = [c for c in parsed.commands if c.name == command]
    if not found:
        return (), Place(path)
    place = Place(path, found[-1].value_line, found[-1].value_column)
    return tuple(c.value for c in (found if key == "stop" else found[-1:])), place


def modelfile(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every Modelfile is made of the decided base and carries the decided parameters, used today or not.

    A Modelfile nobody starts today is started next week; `/api/create` accepts parameters that every later
    request fails on, and a comment behind a value becomes part of it. Correct the line named.
    """
    newscreator_conclude("modelfile", newscreator_subject)


def judge_modelfile(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is wrong with one statement of a Modelfile."""
    stated: Stated = subject.data
    if _is_right(stated, repository):
        return None
    if stated.key == "file":
        wrong, fix = bounds.fault(repository.root, stated.path) or ("does not exist", "create it, or correct the path")
        return Finding(f"the Modelfile {stated.path} {wrong}", stated.place, fix=fix)
    if stated.key == "grammar":
        return Finding(stated.values[0], stated.place, fix="correct the line: Ollama would refuse or misread it")
    if not stated.expected:
        return _retired(stated, repository)
    return _differs(stated, repository)


def _retired(stated: Stated, repository: Repository) -> Finding:
    """Say that a Modelfile that makes no variant is made of a retired model, and which base has come after it."""
    name = stated.values[0]
    models = repository.contract.models.values()
    heirs = [model for model in models if any(names.same(name, retired) for retired in model.retired)]
    bases = " or ".join(dict.fromkeys(model.base for model in heirs))
    return Finding(
        f"FROM names {name}, which is retired by the contract, the base is {bases}",
        stated.place,
        expected=bases,
        observed=name,
        chain=tuple(f"{model.base_place}: declares the base {model.base}" for model in heirs),
        fix=f"write `FROM {heirs[0].base}`, or remove the file" if heirs else "remove the file",
    )


def _differs(stated: Stated, repository: Repository) -> Finding:
    """Say what a Modelfile states and what it should."""
    observed = ", ".join(stated.values) or "not set"
    wanted = (" or " if stated.creates else ", ").join(stated.expected)
    if stated.creates:
        made = f"from {observed}" if stated.key == "FROM" else f"with {stated.key} {observed}"
        return Finding(
            f"this request creates {stated.creates} {made}, the contract says {wanted}",
            stated.place,
            expected=wanted,
            observed=observed,
            chain=(stated.declared,) if stated.declared else (),
            fix=f"write {stated.expected[0]} there, or declare another value in newscreator.yaml",
        )
    return Finding(
        f"{stated.key} is {observed}, the contract says {wanted}",
        stated.place,
        expected=wanted,
        observed=observed,
        chain=(stated.declared,) if stated.declared else (),
        fix=f"write `{_as_lines(stated)}`, or declare another value in newscreator.yaml",
        lacks="" if stated.values else stated.key,
        causes=() if stated.values else _misspelt(stated, repository),
    )


def _as_lines(stated: Stated) -> str:
    """Return what a Modelfile should say."""
    if stated.key == "FROM":
        return f"FROM {stated.expected[0]}"
    return "`, `".join(f"PARAMETER {stated.key} {text}" for text in stated.expected)


def creation_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield what each request that creates a model of the contract says of it."""
    for one in creating(repository):
        path, place = one.site.place.path, one.site.place
        name = one.name or "a model"
        stated = Stated(path, one.key, (one.site.value or "",), one.expected, place, name, one.declared)
        yield Subject(f"{path} {name} {one.key}", place, stated)


def _misspelt(stated: Stated, repository: Repository) -> tuple[Place, ...]:
    """Return the lines of the same Modelfile that Ollama would refuse: what is not stated may be what they mean."""
    source = repository.source(stated.path)
    parsed = parse(source.text) if source else Modelfile(())
    starts = {(command.line, command.column) for command in parsed.commands}
    problems = [p for p in parsed.problems if p.stage == "parser" or (p.line, p.column) in starts]
    return tuple(Place(stated.path, problem.line, problem.column) for problem in problems if problem.line)


def _matches(stated: Stated) -> bool:
    """Return whether the stated values are the expected ones."""
    if stated.key == "FROM":
        return bool(stated.values) and names.same(stated.values[0], stated.expected[0])
    if stated.creates:
        return any(agrees(stated.values[0], text) for text in stated.expected)
    if stated.key == "stop":
        return set(stated.values) == set(stated.expected)
    return len(stated.values) == 1 and agrees(stated.values[0], stated.expected[0])


def _is_right(stated: Stated, repository: Repository) -> bool:
    """Return whether the contract has nothing against a statement; one of an undeclared file must not be retired."""
    if stated.key in ("file", "grammar"):
        return False
    if stated.expected:
        return _matches(stated)
    here = repository.services_of(stated.path) or None
    return retired_name(repository, stated.values[0], here, names_model=True) is None


MODELFILE = Check("modelfile", "source", "config", modelfile, modelfile_subjects, judge_modelfile)
