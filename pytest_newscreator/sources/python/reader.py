"""Python files: where they give settings a value, and which names they read from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_newscreator.places import Place
from pytest_newscreator.sources.python.text import is_telling, literals, plain_reads
from pytest_newscreator.sources.sites import Read, Reader, SourceFile

if TYPE_CHECKING:
    from pytest_newscreator.sources.python.bound import Exports
    from pytest_newscreator.sources.python.scan import Bind

__all__ = ["READER", "matches", "read", "read_all", "read_tree"]

_LONE_RETURN = re.compile(r"\r(?!\n)")


def matches(path: str) -> bool:
    """Tell whether a path is a Python file."""
    return path.endswith(".py") and not path.endswith("/.py")


def read(source: SourceFile) -> Read:
    """Read one file; one that this Python cannot parse is a problem, and only what it spells out counts."""
    if not is_telling(source.text):
        return Read(tuple(literals(source)))
    return read_tree(source)[0]


def read_all(sources: Sequence[SourceFile]) -> Mapping[str, Read]:
    """Read several files, each once, and follow what one imports from another.

    Helpers, settings classes with their prefix, and literal constants are followed; a site that comes from a
    constant of another file is pinned to the literal there. What is imported from elsewhere stays unknown.
    """
    from pytest_newscreator.sources.python.link import Link

    return Link(sources).reads()


def read_tree(source: SourceFile, bind: Bind | None = None) -> tuple[Read, Exports]:
    """Read a file by its syntax tree; return what it says, and what other files can import from it."""
    import ast
    import sys
    import warnings

    from pytest_newscreator.sources.python.bound import Exports
    from pytest_newscreator.sources.python.scan import Scan

    text = source.text.removeprefix("\ufeff")
    # Python ends a line at a lone carriage return too.
    text = _LONE_RETURN.sub("\n", text) if "\r" in text else text
    source = SourceFile(source.path, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        scan = Scan(tree, source, bind)
        return scan.result(), scan.exported()
    except SyntaxError as error:
        place = Place(source.path, error.lineno or 1, error.offset or 0)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        message = f"is not Python {version} ({error.msg}), it needs a newer Python or a correction"
    except (ValueError, RecursionError, MemoryError) as error:
        place = Place(source.path, 1, 1)
        message = f"cannot be parsed ({error}), only its string literals are read"
    plain = plain_reads(source)
    return Read(plain.sites, plain.reads, ((place, message),)), Exports({}, {})


READER = Reader(name="python", matches=matches, read=read, read_all=read_all)
