"""Level `source`: what each file defaults to."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_newscreator.checks.facts import overridden
from pytest_newscreator.checks.facts.claims import Claim, claims
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding, NotVerified

GIVING = ("compose-value", "shell-assignment", "dotenv", "dockerfile-env", "literal")
"""The kinds of sites that give a value, rather than one for when nothing is given."""


@frozen
class Unread:
    """A file, or a part of one, that its reader could not understand: what it defaults to is not known."""

    place: Place
    message: str


def default_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every default and literal that the contract speaks about, then the files that could not be read whole."""
    found = [Subject(f"{claim.site.place.path} {claim.label}", claim.site.place, claim) for claim in claims(repository)]
    for path, read in repository.reads.items():
        if read.problems and path not in repository.contract.modelfiles:
            place, message = read.problems[0]
            found.append(Subject(f"{path} unread", place, Unread(place, message)))
    yield from found
    if not found and (repository.declared or any(model.retired for model in repository.contract.models.values())):
        # Without an item pytest would end with "no tests ran", which reads like a fault of the run.
        detail = f"files read: {len(repository.reads)}; none speaks of what the contract declares"
        yield Subject("retired names", Place(repository.contract.path.name, 1), detail=detail)


def default(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every default of a declared setting says what the contract says, overridden today or not.

    One that stays behind is silent until somebody starts the service without the override: a fresh host, a
    colleague's checkout, CI. It happened with a start script that kept the old base behind `${X:-...}` while
    Compose always set X. Change the default at the place named, or declare what is really meant.
    """
    newscreator_conclude("default", newscreator_subject)


def judge_default(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is wrong with a default, as far as files can tell; NotVerified where only a run can."""
    claim: Claim | Unread | None = subject.data
    if claim is None:
        return None
    if isinstance(claim, Unread):
        raise NotVerified(f"{claim.place}: {claim.message}", needs="", fix="correct it, or exclude the file (sources:)")
    if claim.is_open:
        reason = f"{claim.site.place}: the value of {claim.label} is computed when it runs"
        raise NotVerified(reason, needs="", fix="")
    return None if claim.holds or overridden.is_as_if_unset(repository, claim) else _wrong(claim, repository)


def _wrong(claim: Claim, repository: Repository) -> Finding:
    """Say what a default is and what it should be."""
    variants = _variants_elsewhere(repository, claim)
    models = repository.contract.models.values()
    allowed = claim.allowed or variants or tuple(model.base for model in models if claim.retired in model.retired)
    wanted = " or ".join(dict.fromkeys(allowed))
    winners = overridden.winners(repository, claim)
    message = (
        f"{claim.label} {_verb(claim)}, the contract says {wanted}"
        if claim.allowed
        else f"{_literal(claim)} is retired by the contract, {'elsewhere it' if variants else 'the base'} is {wanted}"
    )
    return Finding(
        message,
        place=claim.place,
        expected=wanted,
        observed=claim.value,
        chain=(*(winners or ()), *(f"{place}: the contract says so" for place in dict.fromkeys(claim.declared))),
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
    """Return how this kind of place gives its value, and which."""
    value, is_giving = claim.value, claim.site.kind in GIVING
    if claim.site.overwrites:
        return f"is set to {value}" if value else "is emptied"
    if not value:
        return "is empty" if is_giving else "defaults to an empty text"
    return f"{'is' if is_giving else 'defaults to'} {value}"


def _literal(claim: Claim) -> str:
    """Return how a retired name is called where it stands."""
    return f"{claim.site.setting} names {claim.site.value}, which" if claim.site.setting else str(claim.site.value)


DEFAULT = Check("default", "source", "config", default, default_subjects, judge_default)
