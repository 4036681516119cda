"""What one Python file takes from another: looked up when it is asked for, through the files that hand it on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from pytest_newscreator.frozen import frozen

Binding = tuple[str, str, str]

_MOST = 10_000
"""How many files and names are looked through for one name before it counts as unknown."""


@frozen
class Exports:
    """What other files can import from one: constants and classes of its `own`, and `things` that it also hands on.

    `things` are few and asked for by their kind: helpers, objects that read the environment, settings classes.
    `names` are all that the file assigns, also where the value is unknown; `bound` is what it imports itself.
    """

    own: Mapping[str, object]
    things: Mapping[str, object]
    names: frozenset[str] = frozenset()
    bound: Bound = field(default_factory=lambda: Bound({}, ()))

    def table(self, name: str) -> Mapping[str, object]:
        """Return the entries of a dict of constants of this file."""
        start = f"{name}.["
        return {key[len(start) : -1]: value for key, value in self.own.items() if key.startswith(start)}


class Bound:
    """What the imports of one file bind; `unanswered` are the names that no file has a value for so far."""

    def __init__(self, files: Mapping[str, Exports], bindings: Sequence[Binding]) -> None:
        """Take the files that have been read so far, which may become more, and the bindings of one file."""
        self._files = files
        self._by_head: dict[str, list[Binding]] = {}
        self._stars: list[str] = []
        for local, other, remote in bindings:
            if local == "*":
                self._stars.append(other)
            else:
                self._by_head.setdefault(local.partition(".")[0], []).append((local, other, remote))
        self.unanswered: set[str] = set()

    def things(self) -> Iterator[tuple[str, object]]:
        """Yield the helpers, the readers of the environment and the settings classes, by their names here."""
        for other in self._stars:
            given = self._files[other].things if other in self._files else {}
            yield from ((name, value) for name, value in given.items() if not name.startswith("_"))
        for bindings in self._by_head.values():
            for local, other, remote in bindings:
                for name, value in self._files[other].things.items() if other in self._files else ():
                    if not remote:
                        yield f"{local}.{name}", value
                    elif name == remote or name.startswith(f"{remote}."):
                        yield local + name[len(remote) :], value

    def get(self, name: str) -> object | None:
        """Return a constant or a class by its name here."""
        found = (exports.own.get(there) for exports, there in self._origins(name))
        return next((value for value in found if value is not None), None)

    def table(self, name: str) -> Mapping[str, object]:
        """Return the entries of an imported dict of constants by its name here."""
        found = (exports.table(there) for exports, there in self._origins(name))
        return next((entries for entries in found if entries), {})

    def _origins(self, name: str) -> Iterator[tuple[Exports, str]]:
        """Yield the files that can have a name, with its name there, through all that hand it on, each once.

        A walk without recursion: chains of imports can be long, and files can import each other in a circle.
        """
        stack = [*self.steps(name)]
        entered: set[tuple[str, str]] = set()
        while stack:
            other, there = stack.pop()
            exports = self._files.get(other)
            if exports is None or (other, there) in entered or len(entered) > _MOST:
                continue
            entered.add((other, there))
            yield exports, there
            if there not in exports.own and there not in exports.names:
                stack.extend(exports.bound.steps(there))

    def steps(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the files that a name is imported from, with its name there; what is imported last comes last."""
        if not name.startswith("_"):
            yield from ((other, name) for other in self._stars)
        for local, other, remote in self._by_head.get(name.partition(".")[0], ()):
            rest = name[len(local) :]
            if name.startswith(local) and (rest.startswith(".") or (not rest and remote)):
                yield other, f"{remote}{rest}" if remote else rest[1:]

    def ask(self, name: str) -> object | None:
        """Return a constant or a class by its name here, and remember what was asked for in vain."""
        if not self._stars and name.partition(".")[0] not in self._by_head:
            return None
        if name in self.unanswered:
            return None
        value = self.get(name)
        if value is None:
            self.unanswered.add(name)
        return value

    def is_answered_now(self) -> bool:
        """Tell whether a file that has been read since has a value for what was asked for in vain."""
        return any(self.get(name) is not None or self.table(name) for name in self.unanswered)


NOTHING = Bound({}, ())
"""The imports of a file that is read alone."""
