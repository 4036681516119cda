"""Where a shell script puts a value of its own in the place of the one that it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_newscreator.places import Place
    from pytest_newscreator.sources.shell.run import Assignment, Run


@frozen
class Overwrite:
    """A variable that a script sets whatever it was given.

    `value` is `None` where only running can tell it, and for `unset`, which `removed` tells apart. `exported` says
    that the script exports the variable itself; one that came from outside stays exported anyway. `conditional` is an
    overwrite in a branch that does not ask for the variable. `before_serve` says whether `ollama serve`, or the
    program that `exec` makes of the script, starts after it: `None` where the script starts neither. `sources` are
    the variables from outside that the new value is made of.
    """

    name: str
    value: str | None
    place: Place
    exported: bool
    conditional: bool
    before_serve: bool | None
    removed: bool = False
    sources: tuple[str, ...] = ()


def overwrites(run: Run) -> tuple[Overwrite, ...]:
    """Return the overwrites of a script that was run on paper, in their order in the file."""
    found = dict.fromkeys(_overwrites(run))
    return tuple(sorted(found, key=lambda overwrite: overwrite.place))


def _overwrites(run: Run) -> Iterator[Overwrite]:
    """Yield the assignments that neither look at the value from outside nor follow a look at it."""
    for assignment in run.assignments:
        sources = frozenset().union(*(value.sources for value in assignment.values))
        if assignment.earlier or assignment.name in sources | assignment.asked:
            continue
        values = assignment.values
        yield Overwrite(
            name=assignment.name,
            value=values[0].text if len(values) == 1 else None,
            place=assignment.place,
            exported=assignment.exports or assignment.name in run.exported,
            conditional=not assignment.is_sure,
            before_serve=_is_before_serve(run, assignment),
            removed=assignment.removes,
            sources=tuple(sorted(sources)),
        )


def _is_before_serve(run: Run, assignment: Assignment) -> bool | None:
    """Tell whether a server starts behind an assignment, `None` where none does at all."""
    return any(step >= assignment.step for step in run.serves) if run.serves else None
