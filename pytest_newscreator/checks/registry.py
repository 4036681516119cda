"""What a check is: a function, its level, its marker and the subjects it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.verdicts import Level

if TYPE_CHECKING:
    from pytest_newscreator.places import Place
    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.verdicts import Finding

Marker = Literal["config", "infra", "gpu"]


@frozen
class Subject:
    """What one item of a check is about: its id in brackets, the place it points at, and the data."""

    id: str
    place: Place | None = None
    data: Any = None
    marker: Marker | None = None
    """Overrides the check's own marker, where one subject needs more than the others (a GPU, say)."""
    detail: str = ""
    """What the reports tell beside the verdict, where it passes too."""


@frozen
class Check:
    """A named check; `function` takes fixtures (`newscreator_subject` is its subject) and asserts.

    `judge` is what a check that only reads files concludes of a subject: the finding, None where all is right, or
    NotVerified raised. `checks.findings` asks it, and the function leaves the conclusion to it.
    """

    name: str
    level: Level
    marker: Marker
    function: Callable[..., None]
    subjects: Callable[[Repository], Iterable[Subject]]
    judge: Callable[[Subject, Repository], Finding | None] | None = None

    @property
    def documentation(self) -> str:
        """Return what the check holds, why it matters and how to mend it."""
        return self.function.__doc__ or ""


def numbered(subjects: Iterable[Subject]) -> list[Subject]:
    """Make ids unique: the second of a name becomes `name #2`, so that ids need no line numbers."""
    seen: dict[str, int] = {}
    unique: list[Subject] = []
    for subject in subjects:
        seen[subject.id] = count = seen.get(subject.id, 0) + 1
        name = subject.id if count == 1 else f"{subject.id} #{count}"
        unique.append(replace(subject, id=name))
    return unique


def item_name(check: str, subject: Subject) -> str:
    """Return the name of the item, as it stands behind `newscreator.yaml::`; `::` would end it for pytest."""
    return f"{check}[{subject.id.replace('::', ':')}]"
