"""Hygiene of origins: no web page of anybody talks to the server through the browser of somebody who may."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.checks.facts.effective import Held, held
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene.subjects import Started, over_invocations, services, started
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding

NAME = "OLLAMA_ORIGINS"
_SCHEMES = ("http://", "https://")
_PORT = re.compile(r"(?::[0-9]*)?")


def origins_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every Ollama of the contract that is given origins."""
    for service in services(repository):
        found = [held(one).get(NAME) for one in started(repository, service) if service.kind == "ollama"]
        places = [own.place for own in found if own is not None and own.text]
        if places:
            yield Subject(service.key, places[0], service)


def origins(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """OLLAMA_ORIGINS names the sites that may ask the server, and never every site.

    `*` was set so that one browser extension could reach the models; from then on any page that a colleague opened
    could read, delete and replace them, though the port was bound to the loopback interface. Name the sites:
    `https://chat.example.com,chrome-extension://*`.
    """
    newscreator_conclude("origins", newscreator_subject)


def judge_origins(subject: Subject, repository: Repository) -> Finding | None:
    """Return the entry that lets every site in, under some invocation."""
    return over_invocations(subject.data, repository, _judged)


def _judged(one: Started) -> Finding | None:
    """Judge the origins under one invocation."""
    own = held(one).get(NAME)
    entry = next((entry for entry in _entries(own) if is_everybody(entry)), None) if own else None
    if own is None or entry is None:
        return None
    return Finding(
        f"{NAME} of {one.service.key} has {entry}, which lets every web page ask the server; should name the sites",
        place=own.place,
        expected="the sites that may ask",
        observed=own.text,
        chain=own.chain,
        fix="name them with scheme and host, as in https://chat.example.com, or take it away: this machine's pages and"
        " the apps on it may ask without it",
    )


def _entries(own: Held) -> list[str]:
    """Return the origins of a text as Ollama takes them apart; a blank beside a comma does not change who is meant."""
    return [entry.strip() for entry in (own.text or "").strip().strip("\"'").split(",")]


def is_everybody(entry: str) -> bool:
    """Tell whether an origin is a star without a host before or behind it: `*`, `https://*`, `http*`, `*:3000`."""
    scheme, star, rest = entry.partition("*")
    return bool(star) and any(known.startswith(scheme) for known in _SCHEMES) and _PORT.fullmatch(rest) is not None


ORIGINS = Check("origins", "resolved", "config", origins, origins_subjects, judge_origins)
