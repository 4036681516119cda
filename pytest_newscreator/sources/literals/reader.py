"""Files of every other language and format: strings of one word, defaults of the environment, keys with values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources.sites import Read, Reader, SourceFile

__all__ = ["READER", "matches", "read"]

_LINES = frozenset({".ini", ".cfg", ".conf", ".cnf", ".properties", ".service", ".container", ".socket", ".timer"})
_MAKE = frozenset({"makefile", "gnumakefile"})
_JUST = frozenset({"justfile", ".justfile"})
_DATA = frozenset(
    {
        *_LINES,
        *[
            ".json",
            ".json5",
            ".jsonc",
            ".yaml",
            ".yml",
            ".toml",
            ".mk",
            ".just",
            ".tf",
            ".tfvars",
            ".hcl",
            ".nomad",
            ".nix",
            ".jsonnet",
        ],
    }
)
_LONGEST_LINE = 5_000
_DATA_IN_TEXT = re.compile(r"[A-Za-z0-9+/=_-]{1000,}")

# What is not found here can be neither a setting of a contract nor a model's name with its tag.
_MATTERS = re.compile(
    r"[Oo]llama|OLLAMA|[Ll][Ll][Mm]|[Mm]odel|MODEL|[Ee]nv|ENV|[Cc]onfig|[Ss]ettings|viper|[Nn]um_?[a-zA-Z]|"
    r"[\"'`=:\s][\w./-]+:[\w.-]*\d|[\"'][A-Z][A-Z0-9_]{2,}[\"']?[ \t]*[:=]|\$\{[A-Z]|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+[ \t]*:"
)
_DATA_MATTERS = re.compile(
    r"[Oo]llama|OLLAMA|LLM|llm|[Mm]odel\b|MODEL|num_|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\$\{|:\d+[a-z]|"
    r"(?:name|value|env)\b|\brun:|script"
)

# The first look, which lets through all that the expressions above find: a plain word is found many times faster than
# an alternation, and so is a pattern that begins with its rarest character.
_WORDS = ("ollama", "llm", "model", "env", "config", "settings", "viper", "num")
_FORMS = (
    re.compile(r":(?<=[\w./-]:)[\w.-]*\d"),
    re.compile(r"\"[A-Z][A-Z0-9_]{2,}[\"']?[ \t]*[:=]"),
    re.compile(r"'[A-Z][A-Z0-9_]{2,}[\"']?[ \t]*[:=]"),
    re.compile(r"\$\{[A-Z]"),
    re.compile(r"_(?<=[A-Z0-9]_)[A-Z0-9_]+[ \t]*:"),
)
_DATA_WORDS = ("ollama", "Ollama", "OLLAMA", "LLM", "llm", "MODEL", "num_", "${", "run:", "script")
_DATA_FORMS = (
    re.compile(r"_(?<=[A-Z0-9]_)[A-Z0-9_]+\b"),
    re.compile(r":\d+[a-z]"),
    re.compile(r"(?:name|value|env)\b"),
    re.compile(r"odel\b"),
)


def matches(path: str) -> bool:
    """Tell whether a path is a file that no other reader reads as what it is."""
    return _reading_of(path) is not None


def read(source: SourceFile) -> Read:
    """Read one file; what cannot be split into tokens is a problem with its place."""
    reading = _reading_of(source.path)
    matters = _what_matters(source.path)
    if reading is None or not matters(source.text):
        return Read()
    problems: tuple[tuple[Place, str], ...] = ()
    if matters is _code_matters:
        source, problems = _without_long_lines(source)
    try:
        read = reading(source)
        return replace(read, problems=(*problems, *read.problems)) if problems else read
    except SourceError as error:
        return Read(problems=((error.place or Place(source.path), error.message),))
    except (RecursionError, ValueError, IndexError) as error:
        message = f"cannot be read to its end ({type(error).__name__}), its defaults and literals are not known"
        return Read(problems=((Place(source.path, 1, 1), message),))


def _what_matters(path: str) -> Callable[[str], bool]:
    """Return how to tell whether a text can hold anything that matters, by what kind of file it is."""
    suffix = _suffix(path.rpartition("/")[2].lower())
    return _data_matters if suffix in _DATA or suffix == ".ipynb" or not suffix else _code_matters


def _code_matters(text: str) -> bool:
    """Tell whether code holds a word or a form that matters."""
    lowered = text.lower()
    may = any(word in lowered for word in _WORDS) or any(form.search(text) for form in _FORMS)
    return may and _MATTERS.search(text) is not None


def _data_matters(text: str) -> bool:
    """Tell whether data holds a word or a form that matters."""
    may = any(word in text for word in _DATA_WORDS) or any(form.search(text) for form in _DATA_FORMS)
    return may and _DATA_MATTERS.search(text) is not None


def _without_long_lines(source: SourceFile) -> tuple[SourceFile, tuple[tuple[Place, str], ...]]:
    """Return code with blanks for each line that a machine wrote, and what those could have said as problems.

    Data inside a string (an image in base64) makes no such line: only the data is left out.
    """
    if len(source.text) <= _LONGEST_LINE:
        return source, ()
    lines = source.text.split("\n")
    problems: list[tuple[Place, str]] = []
    for index, line in enumerate(lines):
        if len(line) <= _LONGEST_LINE:
            continue
        lines[index] = _DATA_IN_TEXT.sub(lambda match: " " * len(match[0]), line)
        if len(_DATA_IN_TEXT.sub("", line)) <= _LONGEST_LINE:
            continue
        if _code_matters(lines[index]):
            message = f"one line of {len(line):,} characters is not read, its defaults and literals are not known"
            problems.append((Place(source.path, index + 1, 1), message))
        lines[index] = " " * len(line)
    return SourceFile(source.path, "\n".join(lines)), tuple(problems)


def _reading_of(path: str) -> Callable[[SourceFile], Read] | None:
    """Return how a file is read, by its name."""
    return _reading_by(path.rpartition("/")[2].lower())


@lru_cache(maxsize=1024)
def _reading_by(name: str) -> Callable[[SourceFile], Read] | None:
    """Return how files of a name are read."""
    suffix = _suffix(name)
    return _by_name(name, suffix) or _by_language(name, suffix)


def _suffix(name: str) -> str:
    """Return the suffix of a name with its dot; a name that begins with its only dot has none."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending}" if dot and stem.strip(".") and ending else ""


def _by_name(name: str, suffix: str) -> Callable[[SourceFile], Read] | None:
    """Return the reading of a file that is no code."""
    if name in _MAKE or suffix == ".mk":
        from pytest_newscreator.sources.literals.make import read_makefile

        return read_makefile
    if name in _JUST or suffix == ".just":
        from pytest_newscreator.sources.literals.make import read_justfile

        return read_justfile
    if suffix in {".yaml", ".yml"}:
        from pytest_newscreator.sources.literals.yaml_files import read_yaml

        return read_yaml
    if suffix in _LINES or name.startswith("procfile"):
        from pytest_newscreator.sources.literals.lines import read_lines, read_processes

        return read_processes if name.startswith("procfile") else read_lines
    if suffix in {".json", ".ipynb"}:
        from pytest_newscreator.sources.literals.json_inside import read_json, read_notebook, read_package

        return read_package if name == "package.json" else read_json if suffix == ".json" else read_notebook
    return None


def _by_language(name: str, suffix: str) -> Callable[[SourceFile], Read] | None:
    """Return the reading of a file of code, or of data that is written like code."""
    from pytest_newscreator.sources.literals.languages import LANGUAGES
    from pytest_newscreator.sources.literals.tail import LEXERS

    if suffix in {".bat", ".cmd"}:
        from pytest_newscreator.sources.literals.commands import read_batch

        return read_batch
    language = LANGUAGES.get(suffix) or LANGUAGES.get(name)
    if language is None:
        from pytest_newscreator.sources.literals.tail import read_tail

        return read_tail if suffix in LEXERS else None
    from pytest_newscreator.sources.literals.code import read_code

    return lambda source: read_code(source, language)


READER = Reader(name="literals", matches=matches, read=read)
