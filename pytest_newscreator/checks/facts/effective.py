"""What the program of a service ends up with for a variable: what it is given, unless a start script says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

from pytest_newscreator.checks.hygiene.subjects import Started
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import Running, reading, running


@frozen
class Held:
    """A variable as a program has it; `text` None is one that is taken away, `place` is that of the literal."""

    text: str | None
    place: Place
    chain: tuple[str, ...] = ()


@frozen
class Container:
    """A service as one invocation starts it: what it runs, and what its program has for each variable."""

    running: Running
    held: Mapping[str, Held]


_KNOWN: WeakKeyDictionary[Repository, dict[tuple[str, str], Container]] = WeakKeyDictionary()


def container(one: Started) -> Container:
    """Return what a service runs under one invocation; it is read once."""
    known = _KNOWN.setdefault(one.repository, {})
    key = one.invocation, one.service.key
    if key not in known:
        own = running(one.repository, one.project, one.compose)
        known[key] = Container(own, _held(own))
    return known[key]


def held(one: Started) -> Mapping[str, Held]:
    """Return each variable that the repository gives, and what comes of it; what only running can tell is left out.

    A start script's own value wins, its default counts where nothing is given. What stands in a branch of a script is
    left out: it may never be reached.
    """
    return container(one).held


def _held(own: Running) -> Mapping[str, Held]:
    """Return what the program of a container has, the later word above the earlier."""
    found = dict(_given(own))
    given = {name for name, value in own.given.environment.items() if value.text is not None}
    found |= {name: default for name, default in _defaults(own) if name not in given}
    for name, last in _overwritten(own):
        found.pop(name, None)
        if last is not None:
            found[name] = last
    return found


def _given(own: Running) -> Iterator[tuple[str, Held]]:
    """Yield what Compose and the Dockerfile give; what a base image brings has no place in the repository."""
    for name, value in own.given.environment.items():
        place = value.origin
        if place is not None:
            yield name, Held(value.text, place, chain(value.chain))


def _defaults(own: Running) -> Iterator[tuple[str, Held]]:
    """Yield the defaults that the scripts give to variables under their own names: `export X="${X:-d}"`."""
    for script in own.startup.scripts:
        for site in reading(script.source).sites if script.reaches else ():
            if site.setting and site.kind == "shell-default" and site.into == site.setting and site.value is not None:
                yield site.setting, Held(site.value, script.at(site.place))


def _overwritten(own: Running) -> Iterator[tuple[str, Held | None]]:
    """Yield what scripts and command lines set whatever is given, the last one last; None is what is computed."""
    for word in own.startup.words:
        yield word.name, Held(word.text, word.place)
    for script in own.startup.scripts:
        for one in own.ran(script).overwrites if script.reaches else ():
            if not one.conditional and one.before_serve is not False:
                is_known = one.value is not None or one.removed
                yield one.name, Held(one.value, script.at(one.place)) if is_known else None
