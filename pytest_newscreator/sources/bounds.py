"""How much is taken in: what is larger, longer or deeper, or no file at all, is refused with one error at its place."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from pytest_newscreator.errors import SourceError
from pytest_newscreator.sources.tree import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_newscreator.places import Place

LONGEST: Final = 1 << 20
"""The characters of an expanded value: eight times what Linux takes as one environment entry (MAX_ARG_STRLEN)."""

DEEPEST: Final = 64
"""How deep expansions may nest in each other's defaults."""

MOST_HOPS: Final = 1_000
"""How many places may have a say in one value."""

SHOWN: Final = 80
"""How much of a value an error quotes."""

_SHORTER: Final = "write the value out, or put fewer variables into each other"
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def clipped(text: str, most: int = SHOWN) -> str:
    """Return a text as an error quotes it: at most `most` characters of its beginning."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


@dataclass(slots=True)
class Room:
    """What the values of one file may still come to: characters of expanded text, and the hops that led there."""

    text: int = 8 * LONGEST
    hops: int = 100 * MOST_HOPS

    @property
    def is_full(self) -> bool:
        """Tell whether nothing more fits in."""
        return self.text < 0 or self.hops < 0

    def take(self, at: Callable[[], Place], *, text: int = 0, hops: int = 0) -> None:
        """Make use of some of the room; raise SourceError, at a place, where a value or all of them take too much."""
        fits(at, text=text, hops=hops)
        self.text -= text
        self.hops -= hops
        if self.text < 0:
            message = "the values of this file expand to too much text, should be shorter"
            raise SourceError(message, place=at(), fix=_SHORTER)
        if self.hops < 0:
            refuse_hops(at(), together=True)


def fits(at: Callable[[], Place], *, text: int = 0, hops: int = 0) -> None:
    """Raise SourceError, at a place, where one value takes too much."""
    if text > LONGEST:
        message = f"the value expands to more than {LONGEST:,} characters, should be shorter"
        raise SourceError(message, place=at(), fix=_SHORTER)
    if hops > MOST_HOPS:
        refuse_hops(at())


def refuse_hops(place: Place, *, together: bool = False) -> NoReturn:
    """Raise SourceError for a value in which too many places have a say; `together` for those of a whole file."""
    message = f"more than {MOST_HOPS:,} places have a say in this value, should be fewer"
    if together:
        message = "too many places have a say in the values of this file, should be fewer"
    raise SourceError(message, place=place, fix="set each variable once, and put fewer of them into each other")


def exists(root: Path, path: str, *, folders: bool = False) -> bool:
    """Tell whether anything is at a path: a named pipe and its like are there, and cannot be read."""
    found = _stat(root, path)
    return found is not None and (folders or not stat.S_ISDIR(found.st_mode))


def is_outside(root: Path, path: str) -> bool:
    """Tell whether a path, relative to the root, leads out of the repository: by `..`, absolutely, or by a link.

    The repository is git's where the root is a folder of one, so that what it holds counts although it is above.
    """
    clean = posixpath.normpath(path)
    if clean.startswith("~") or "\0" in clean:
        return True
    is_above = clean == ".." or clean.startswith(("../", "/"))
    steps = clean.split("/")
    links = (os.path.islink(f"{root}/{'/'.join(steps[: end + 1])}") for end in range(len(steps)))  # noqa: PTH114
    if not is_above and not any(links):
        return False
    return not Path(os.path.realpath(root / clean)).is_relative_to(_top(root))


def _top(root: Path) -> str:
    """Return the real path of the repository that a root is in: the root itself, where git knows of none."""
    real = Path(os.path.realpath(root))
    return next((folder for folder in (real, *real.parents) if (folder / ".git").exists()), real).as_posix()


def fault(root: Path, path: str) -> tuple[str, str] | None:
    """Return why what is at a path is not read, and what to do; `None` for a file, and where nothing is."""
    found = _stat(root, path)
    if found is None or (stat.S_ISREG(found.st_mode) and found.st_size <= MOST_BYTES):
        return None
    kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), None)
    if kind is not None:
        return f"is {kind}, should be a file", "name a file"
    said = f"has {found.st_size:,} bytes, should have at most {MOST_BYTES:,}"
    return said, "split it, or move what is no setting out of it"


def _stat(root: Path, path: str) -> os.stat_result | None:
    """Return what is at a path, behind links; nothing is where a name is too long, or no name."""
    try:
        return os.stat(f"{root}/{path}" if not path.startswith("/") else path)  # noqa: PTH116 - for each file read
    except (OSError, ValueError):
        return None
