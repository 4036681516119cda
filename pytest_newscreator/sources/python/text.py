"""Python files without a syntax tree: whether one is worthwhile, their literals, and the reads that they spell out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.literals.compared import is_compared_in
from pytest_newscreator.sources.sites import Read, Site, SiteKind, SourceFile

# A syntax tree costs twenty times what a look for these words costs. A file without any of them can hold a model's
# name as a literal, but hardly anything that gives a setting of a contract a value.
_TELLING = [
    "getenv",
    "env=",
    "environment=",
    "BaseSettings",
    "decouple",
    "dynaconf",
    "add_argument",
    "set_defaults",
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
_CLASSES = (
    "dataclass",
    "import attr",
    "from attr",
    "NamedTuple",
    "Struct",
    "BaseModel",
    "SQLModel",
    "RootModel",
    "@define",
    "@frozen",
)
_FIELD = re.compile(
    r"^[ \t]+[a-z]\w*[ \t]*(?::[^=\n#()]+=[ \t]*(?:[rR]?[\"'](?![\"'])|-?\d|Field\(|(?:\w+\.)?field\()"
    r"|=[ \t]*(?:\w+\.)?(?:ib|attrib)\()",
    re.MULTILINE,
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
_READ = re.compile(
    r"\b(?:getenv|environ\.(?:get|setdefault|pop))\(\s*(?P<quote>[\"'])(?P<name>\w+)(?P=quote)"
    r"(?:\s*,\s*(?:default\s*=\s*)?(?:\"(?P<double>[^\"\\\n]*)\"|'(?P<single>[^'\\\n]*)'|(?P<bare>-?\d[\d_.]*|True|False)))?\s*,?\s*\)"
    r"|\benviron\[\s*(?P<quote2>[\"'])(?P<required>\w+)(?P=quote2)\s*\]"
)


def is_telling(text: str) -> bool:
    """Tell whether a file can give a setting a value, judged by its words and by its form."""
    if any(word in text for word in _TELLING) or any(pattern.search(text) for pattern in _PATTERNS):
        return True
    return any(word in text for word in _CLASSES) and _FIELD.search(text) is not None


def literals(source: SourceFile) -> Iterator[Site]:
    """Yield the one-word string literals of a file without parsing it, for files that set nothing."""
    text = source.text
    lines: Lines | None = None
    for found in _TOKENS.finditer(text):
        group = found.lastgroup
        if group is None or not _ONE_WORD.match(found[group]):
            continue
        start = found.start()
        if text[start - 1 : start] in _PREFIXES and _NOT_PLAIN.search(text, max(0, start - 2), start):
            continue
        lines = lines or Lines(source.path, text)
        kind: SiteKind = "compared" if is_compared_in(text, start + 1, found.end() - 1) else "literal"
        yield Site(None, found[group], lines.place(start + 1), kind)


_PREFIXES = frozenset("bBfFrR")


def plain_reads(source: SourceFile) -> Read:
    """Return the reads of the environment that a file spells out, and its literals, for files that cannot be parsed."""
    lines = Lines(source.path, source.text)
    strings, code = [], list(source.text)
    for token in _TOKENS.finditer(source.text):
        if token.lastgroup is None:
            code[token.start() : token.end()] = ["\n" if one == "\n" else " " for one in token[0]]
        else:
            strings.append((token.start(), token.end()))
    sites, reads = [], set()
    within = iter(strings)
    begin, end = next(within, (0, 0))
    for read in _READ.finditer("".join(code)):
        while end <= read.start() and (begin, end) != (0, 0):
            begin, end = next(within, (0, 0))
        if begin < read.start() < end:
            continue
        name = read["name"] or read["required"]
        reads.add(name)
        group = next((one for one in ("double", "single", "bare") if read[one] is not None), None)
        if group is not None:
            value = read[group].lower() if group == "bare" else read[group]
            sites.append(
                Site(
                    name,
                    value.replace("_", "") if group == "bare" else value,
                    lines.place(read.start(group)),
                    "python-default",
                )
            )
    taken = {site.place for site in sites}
    sites += [site for site in literals(source) if site.place not in taken and site.value not in reads]
    return Read(tuple(sorted(sites, key=lambda site: site.place)), frozenset(reads))
