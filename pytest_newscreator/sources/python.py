"""Python files: where they give settings a value, and which names they read from the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from pytest_newscreator.places import Place
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.sites import Read, Reader, Site, SourceFile

__all__ = ["READER", "matches", "read"]

# A syntax tree costs twenty times what a look for these words costs. A file without any of them can hold a model's
# name as a literal, but hardly anything that gives a setting of a contract a value.
_TELLING = [
    "getenv",
    "BaseSettings",
    "decouple",
    "add_argument",
    ".option(",
    "typer",
    "ollama",
    "Ollama",
    "OLLAMA",
    "llm",
    "LLM",
    "num_ctx",
    "num_batch",
    "starlette.config",
    "num_predict",
    "num_gpu",
    "num_thread",
    "num_parallel",
    "NUM_",
    "keep_alive",
    "_penalty",
    "top_k",
    "top_p",
    "temperature",
    "MODEL",
]
_PATTERNS = (
    re.compile(r"environ(?!m)"),
    re.compile(r"odel(?:_\w+)?[\"']?[ ]?[:=]"),
    re.compile(r":\d+[a-z][\w.-]*[\"']"),
)
# Each alternative begins with a literal, which is what makes it fast.
_TOKENS = re.compile(
    r"#[^\n]*"
    r'|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"(?P<double>[^"\\\n]*(?:\\.[^"\\\n]*)*)"'
    r"|'(?P<single>[^'\\\n]*(?:\\.[^'\\\n]*)*)'",
    re.DOTALL,
)
_NOT_PLAIN = re.compile(r"\b(?:[bB][rR]?|[fF][rR]?|[rR][bBfF])\Z")
_ONE_WORD = re.compile(r"[^\s\\]+\Z")


def matches(path: str) -> bool:
    """Tell whether a path is a Python file."""
    return PurePosixPath(path).suffix == ".py"


def read(source: SourceFile) -> Read:
    """Read one file; one that this Python cannot parse is a problem, and only its string literals count."""
    text = source.text
    if not any(word in text for word in _TELLING) and not any(pattern.search(text) for pattern in _PATTERNS):
        return Read(tuple(_literals(source)))
    return _read_tree(source)


def _read_tree(source: SourceFile) -> Read:
    """Read a file by its syntax tree."""
    import ast
    import sys
    import warnings

    from pytest_newscreator.sources._python_scan import Scan

    text = source.text.removeprefix("\ufeff")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        return Scan(tree, SourceFile(source.path, text)).result()
    except SyntaxError as error:
        place = Place(source.path, error.lineno or 1, error.offset or 0)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        message = f"is not Python {version} ({error.msg}), it needs a newer Python or a correction"
    except (ValueError, RecursionError, MemoryError) as error:
        place = Place(source.path, 1, 1)
        message = f"cannot be parsed ({error}), only its string literals are read"
    return Read(tuple(_literals(source)), problems=((place, message),))


def _literals(source: SourceFile) -> Iterator[Site]:
    """Yield the one-word string literals of a file without parsing it, for files that set nothing."""
    lines = Lines(source.path, source.text)
    for found in _TOKENS.finditer(source.text):
        group, start = found.lastgroup, found.start()
        if group is None or not _ONE_WORD.match(found[group]):
            continue
        if not _NOT_PLAIN.search(source.text, max(0, start - 2), start):
            yield Site(None, found[group], lines.place(start + 1), "literal")


READER = Reader(name="python", matches=matches, read=read)
