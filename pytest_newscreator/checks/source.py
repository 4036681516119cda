"""Level `source`: what each file defaults to."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_newscreator.checks.claims import Claim, agrees, claims, retired_name
from pytest_newscreator.checks.registry import Subject, numbered
from pytest_newscreator.contract.model import Model, Variant
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import names, tree
from pytest_newscreator.sources.modelfile import Modelfile, parse
from pytest_newscreator.verdicts import NotVerified, fail


def default_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every default and literal that the contract speaks about."""
    for claim in claims(repository):
        yield Subject(f"{claim.site.place.path} {claim.label}", claim.site.place, claim)


def default(newscreator_subject: Subject, newscreator_repository: Repository) -> None:
    """Every default of a declared setting says what the contract says, overridden today or not.

    One that stays behind is silent until somebody starts the service without the override: a fresh host, a
    colleague's checkout, CI. It happened with a start script that kept the old base behind `${X:-...}` while
    Compose always set X. Change the default at the place named, or declare what is really meant.
    """
    claim: Claim = newscreator_subject.data
    if claim.holds:
        return
    models = newscreator_repository.contract.models.values()
    allowed = claim.allowed or tuple(model.base for model in models if claim.retired in model.retired)
    wanted = " or ".join(dict.fromkeys(allowed))
    fail(
        f"{claim.label} {_verb(claim)} {claim.site.value or 'nothing'}, the contract says {wanted}"
        if claim.allowed
        else f"{_literal(claim)} is retired by the contract, the base is {wanted}",
        place=claim.site.place,
        expected=wanted,
        observed=claim.site.value,
        fix=f"write {allowed[0]} there, or declare another value in newscreator.yaml",
    )


def _verb(claim: Claim) -> str:
    """Return how this kind of place gives its value."""
    return "is" if claim.site.kind in ("compose-value", "shell-assignment", "dotenv", "dockerfile-env") else "defaults to"


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
    declared: set[str] = set()
    for model in repository.contract.models.values():
        for variant in model.variants.values():
            if variant.modelfile:
                declared.add(variant.modelfile)
                yield from _variant_subjects(repository, model, variant)
    for path, read in repository.reads.items():
        sites = [site for site in read.sites if site.kind == "modelfile-from"]
        if sites and path not in declared and read.sites[0].kind.startswith("modelfile"):
            yield Subject(f"{path} FROM", sites[-1].place, Stated(path, "FROM", (sites[-1].value or "",), (), sites[-1].place))


def _variant_subjects(repository: Repository, model: Model, variant: Variant) -> Iterator[Subject]:
    """Yield what the contract says about one Modelfile."""
    path = variant.modelfile or ""
    source = tree.read_text(repository.root, path)
    if source is None:
        yield Subject(f"{variant.name} file", variant.place, Stated(path, "file", (), ("exists",), variant.place))
        return
    parsed = parse(source.text)
    for problem in parsed.problems:
        place = Place(path, problem.line, problem.column)
        yield Subject(f"{variant.name} grammar", place, Stated(path, "grammar", (problem.message,), (), place))
    wanted: dict[str, tuple[str, ...]] = {"FROM": (model.base,)}
    if variant.num_ctx is not None:
        wanted["num_ctx"] = (str(variant.num_ctx),)
    for name, value in model.parameters.items():
        wanted[name] = value if isinstance(value, tuple) else (_text(value),)
    if model.stop is not None:
        wanted["stop"] = model.stop
    for key, expected in wanted.items():
        values, place = _stated(parsed, path, key)
        yield Subject(f"{variant.name} {key}", place, Stated(path, key, values, expected, place))


def _text(value: object) -> str:
    """Return a declared parameter as a Modelfile would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _stated(parsed: Modelfile, path: str, key: str) -> tuple[tuple[str, ...], Place]:
    """Return what a Modelfile states for FROM or a parameter: the last FROM, the last value, every stop."""
    command = "model" if key == "FROM" else key
    found = [c for c in parsed.commands if c.name == command]
    if not found:
        return (), Place(path)
    place = Place(path, found[-1].value_line, found[-1].value_column)
    return tuple(c.value for c in (found if key == "stop" else found[-1:])), place


def modelfile(newscreator_subject: Subject, newscreator_repository: Repository) -> None:
    """Every Modelfile is made of the decided base and carries the decided parameters, used today or not.

    A Modelfile nobody starts today is started next week; `/api/create` accepts parameters that every later
    request fails on, and a comment behind a value becomes part of it. Correct the line named.
    """
    stated: Stated = newscreator_subject.data
    if stated.key == "file":
        fail(f"the Modelfile {stated.path} does not exist", place=stated.place, fix="create it, or correct the path")
    if stated.key == "grammar":
        fail(stated.values[0], place=stated.place, fix="correct the line: Ollama would refuse or misread it")
    if not stated.expected:
        _not_retired(stated, newscreator_repository)
        return
    if _matches(stated):
        return
    observed = ", ".join(stated.values) or "not set"
    wanted = ", ".join(stated.expected)
    fail(
        f"{stated.key} is {observed}, the contract says {wanted}",
        place=stated.place,
        expected=wanted,
        observed=observed,
        fix=f"write `{stated.key if stated.key == 'FROM' else 'PARAMETER ' + stated.key} {wanted}`",
    )


def _matches(stated: Stated) -> bool:
    """Return whether the stated values are the expected ones."""
    if stated.key == "FROM":
        return bool(stated.values) and names.same(stated.values[0], stated.expected[0])
    if stated.key == "stop":
        return set(stated.values) == set(stated.expected)
    return len(stated.values) == 1 and agrees(stated.values[0], stated.expected[0])


def _not_retired(stated: Stated, repository: Repository) -> None:
    """Hold a Modelfile that no variant declares to one thing: it names no retired base."""
    retired = retired_name(repository, stated.values[0])
    if retired:
        fail(
            f"FROM names {stated.values[0]}, which is retired by the contract",
            place=stated.place,
            observed=stated.values[0],
            fix="name the decided base, or remove the file",
        )


@functools.lru_cache(maxsize=4)
def told(repository: Repository) -> Mapping[Place, str]:
    """Return the places that this module's checks speak about, each with the name of its item."""
    defaults = {f"default[{s.id}]": s for s in numbered(default_subjects(repository)) if not s.data.holds}
    stated = {f"modelfile[{s.id}]": s for s in numbered(modelfile_subjects(repository)) if not _is_right(s.data)}
    return {s.place: name for name, s in (stated | defaults).items() if s.place is not None}


def _is_right(stated: Stated) -> bool:
    """Return whether `modelfile` would pass this statement of a declared variant."""
    return bool(stated.expected) and stated.key != "file" and _matches(stated)


def unless_told(places: Iterable[Place | None], repository: Repository, selected: frozenset[str]) -> None:
    """Step back where a check of this module speaks about one of the places in this run: one place, one finding."""
    for place in places:
        by = told(repository).get(place) if place else None
        if by in selected:
            raise NotVerified(f"not judged at this level: {by} failed at the place it comes from", needs="", fix="")
