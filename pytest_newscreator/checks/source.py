"""Level `source`: what each file defaults to."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_newscreator.checks import overridden
from pytest_newscreator.checks.claims import Claim, agrees, claims, retired_name
from pytest_newscreator.checks.registry import Subject, item_name, numbered
from pytest_newscreator.contract.model import Model, Variant
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import names, tree
from pytest_newscreator.sources.modelfile import Modelfile, parse
from pytest_newscreator.verdicts import NotVerified, fail


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a part of one, that its reader could not understand: what it defaults to is not known."""

    place: Place
    message: str


def default_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every default and literal that the contract speaks about, then the files that could not be read whole."""
    found = [Subject(f"{claim.site.place.path} {claim.label}", claim.site.place, claim) for claim in claims(repository)]
    for path, read in repository.reads.items():
        if read.problems and path not in _declared_modelfiles(repository):
            place, message = read.problems[0]
            found.append(Subject(f"{path} unread", place, Unread(place, message)))
    yield from found
    if not found and (repository.declared or any(model.retired for model in repository.contract.models.values())):
        # Without an item pytest would end with "no tests ran", which reads like a fault of the run.
        detail = f"files read: {len(repository.reads)}; none speaks of what the contract declares"
        yield Subject("retired names", Place(repository.contract.path.name, 1), detail=detail)


def _declared_modelfiles(repository: Repository) -> frozenset[str]:
    """Return the Modelfiles of the variants."""
    variants = [variant for model in repository.contract.models.values() for variant in model.variants.values()]
    return frozenset(variant.modelfile for variant in variants if variant.modelfile)


def default(
    newscreator_subject: Subject, newscreator_repository: Repository, newscreator_selected: frozenset[str]
) -> None:
    """Every default of a declared setting says what the contract says, overridden today or not.

    One that stays behind is silent until somebody starts the service without the override: a fresh host, a
    colleague's checkout, CI. It happened with a start script that kept the old base behind `${X:-...}` while
    Compose always set X. Change the default at the place named, or declare what is really meant.
    """
    claim: Claim | Unread | None = newscreator_subject.data
    if claim is None:
        return
    if isinstance(claim, Unread):
        raise NotVerified(f"{claim.place}: {claim.message}", needs="", fix="correct it, or exclude the file (sources:)")
    if claim.is_open:
        reason = f"{claim.site.place}: the value of {claim.label} is computed when it runs"
        raise NotVerified(reason, needs="", fix="")
    if claim.holds:
        return
    _unless_said(
        item_name("default", newscreator_subject), claim.site.place, newscreator_repository, newscreator_selected
    )
    variants = _variants_elsewhere(newscreator_repository, claim)
    models = newscreator_repository.contract.models.values()
    allowed = claim.allowed or variants or tuple(model.base for model in models if claim.retired in model.retired)
    wanted = " or ".join(dict.fromkeys(allowed))
    winners = overridden.winners(newscreator_repository, claim)
    fail(
        f"{claim.label} {_verb(claim)} {claim.site.value or 'nothing'}, the contract says {wanted}"
        if claim.allowed
        else f"{_literal(claim)} is retired by the contract, {'elsewhere it' if variants else 'the base'} is {wanted}",
        place=claim.site.place,
        expected=wanted,
        observed=claim.site.value,
        chain=winners or (),
        fix=f"write {allowed[0]} there, or declare another value in newscreator.yaml",
        severity="note" if winners else "error",
    )


def _variants_elsewhere(repository: Repository, claim: Claim) -> tuple[str, ...]:
    """Return the variants that other places give to the setting of a retired name: it is a variant's variable."""
    variants = {name for model in repository.contract.models.values() for name in model.variants}
    setting = claim.site.setting
    if setting is None or setting.lower() == "model":
        return ()
    values = (site.value for site in repository.sites if site.setting == setting)
    return tuple(dict.fromkeys(value for value in values if value in variants))


def _verb(claim: Claim) -> str:
    """Return how this kind of place gives its value."""
    return (
        "is" if claim.site.kind in ("compose-value", "shell-assignment", "dotenv", "dockerfile-env") else "defaults to"
    )


def _literal(claim: Claim) -> str:
    """Return how a retired name is called where it stands."""
    return f"{claim.site.setting} names {claim.site.value}, which" if claim.site.setting else str(claim.site.value)


@dataclass(frozen=True, slots=True)
class Stated:
    """One statement of a Modelfile that the contract speaks about; `place` is the value's, or the file's."""

    path: str
    key: str
    values: tuple[str, ...]
    expected: tuple[str, ...]
    place: Place


def modelfile_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield FROM and each declared parameter of every variant's Modelfile, then what other Modelfiles name."""
    declared = _declared_modelfiles(repository)
    for model in repository.contract.models.values():
        for variant in model.variants.values():
            if variant.modelfile:
                yield from _variant_subjects(repository, model, variant)
    for path, read in repository.reads.items():
        sites = [site for site in read.sites if site.kind == "modelfile-from"]
        if sites and path not in declared and read.sites[0].kind.startswith("modelfile"):
            yield Subject(
                f"{path} FROM", sites[-1].place, Stated(path, "FROM", (sites[-1].value or "",), (), sites[-1].place)
            )


def _variant_subjects(repository: Repository, model: Model, variant: Variant) -> Iterator[Subject]:
    """Yield what the contract says about one Modelfile."""
    path = variant.modelfile or ""
    source = tree.read_text(repository.root, path)
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
        yield Subject(f"{variant.name} {key}", place, Stated(path, key, values, expected, place))


def _stated(parsed: Modelfile, path: str, key: str) -> tuple[tuple[str, ...], Place]:
    """Return what a Modelfile states for FROM or a parameter: the last FROM, the last value, every stop."""
    command = "model" if key == "FROM" else key
    found = [c for c in parsed.commands if c.name == command]
    if not found:
        return (), Place(path)
    place = Place(path, found[-1].value_line, found[-1].value_column)
    return tuple(c.value for c in (found if key == "stop" else found[-1:])), place


def modelfile(
    newscreator_subject: Subject, newscreator_repository: Repository, newscreator_selected: frozenset[str]
) -> None:
    """Every Modelfile is made of the decided base and carries the decided parameters, used today or not.

    A Modelfile nobody starts today is started next week; `/api/create` accepts parameters that every later
    request fails on, and a comment behind a value becomes part of it. Correct the line named.
    """
    stated: Stated = newscreator_subject.data
    if _is_right(stated, newscreator_repository):
        return
    if not stated.values and stated.key != "file":
        _unless_misspelt(stated, newscreator_repository, newscreator_selected)
    _unless_said(
        item_name("modelfile", newscreator_subject), stated.place, newscreator_repository, newscreator_selected
    )
    if stated.key == "file":
        fail(f"the Modelfile {stated.path} does not exist", place=stated.place, fix="create it, or correct the path")
    if stated.key == "grammar":
        fail(stated.values[0], place=stated.place, fix="correct the line: Ollama would refuse or misread it")
    if not stated.expected:
        fail(
            f"FROM names {stated.values[0]}, which is retired by the contract",
            place=stated.place,
            observed=stated.values[0],
            fix="name the decided base, or remove the file",
        )
    observed = ", ".join(stated.values) or "not set"
    wanted = ", ".join(stated.expected)
    fail(
        f"{stated.key} is {observed}, the contract says {wanted}",
        place=stated.place,
        expected=wanted,
        observed=observed,
        fix=f"write `{stated.key if stated.key == 'FROM' else 'PARAMETER ' + stated.key} {wanted}`",
    )


def _unless_misspelt(stated: Stated, repository: Repository, selected: frozenset[str]) -> None:
    """Step back where a line of the same Modelfile is misspelt: what is not stated may be what it means."""
    source = tree.read_text(repository.root, stated.path)
    parsed = parse(source.text) if source else Modelfile(())
    starts = {(command.line, command.column) for command in parsed.commands}
    lines = {p.line for p in parsed.problems if p.stage == "parser" or (p.line, p.column) in starts}
    for subject in numbered(modelfile_subjects(repository)):
        name = item_name("modelfile", subject)
        told_here = subject.data.key == "grammar" and subject.data.path == stated.path
        if told_here and subject.data.place.line in lines and name in selected:
            raise NotVerified(f"not judged: {name} failed, and may be where {stated.key} is", needs="", fix="")


def _matches(stated: Stated) -> bool:
    """Return whether the stated values are the expected ones."""
    if stated.key == "FROM":
        return bool(stated.values) and names.same(stated.values[0], stated.expected[0])
    if stated.key == "stop":
        return set(stated.values) == set(stated.expected)
    return len(stated.values) == 1 and agrees(stated.values[0], stated.expected[0])


def _is_right(stated: Stated, repository: Repository) -> bool:
    """Return whether the contract has nothing against a statement; one of an undeclared file must not be retired."""
    if stated.key in ("file", "grammar"):
        return False
    if stated.expected:
        return _matches(stated)
    return retired_name(repository, stated.values[0], names_model=True) is None


@functools.lru_cache(maxsize=4)
def told(repository: Repository) -> Mapping[Place, tuple[str, ...]]:
    """Return the places that this module's checks find wrong, each with the names of the items that say so."""
    found: dict[Place, list[str]] = {}
    for subject in numbered(modelfile_subjects(repository)):
        if not _is_right(subject.data, repository):
            found.setdefault(subject.data.place, []).append(item_name("modelfile", subject))
    for subject in numbered(default_subjects(repository)):
        if isinstance(subject.data, Claim) and not subject.data.holds:
            found.setdefault(subject.data.site.place, []).append(item_name("default", subject))
    return {place: tuple(names_) for place, names_ in found.items()}


def speaker(place: Place | None, repository: Repository, selected: frozenset[str]) -> str | None:
    """Return the first item of this run that finds the place wrong; its value alone is the finding's subject."""
    said = told(repository).get(place, ()) if place and place.line else ()
    return next((name for name in said if name in selected), None)


def _unless_said(item: str, place: Place, repository: Repository, selected: frozenset[str]) -> None:
    """Step back where an earlier item of this run speaks about the same place: one place, one finding."""
    by = speaker(place, repository, selected)
    if by not in (None, item):
        raise NotVerified(f"not judged twice: {by} failed at the same place", needs="", fix="")


def unless_told(places: Iterable[Place | None], repository: Repository, selected: frozenset[str]) -> None:
    """Step back where a check of this module speaks about one of the places in this run: one place, one finding."""
    for place in places:
        by = speaker(place, repository, selected)
        if by is not None:
            raise NotVerified(f"not judged at this level: {by} failed at the place it comes from", needs="", fix="")
