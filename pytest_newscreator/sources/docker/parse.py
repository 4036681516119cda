"""Dockerfiles as stages of instructions, by the line rules of BuildKit's parser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources.bounds import DEEPEST, clipped
from pytest_newscreator.sources.docker.words import Part, depth, parts, split
from pytest_newscreator.sources.lines import Lines, Spelled, joined, spelled
from pytest_newscreator.sources.sites import SourceFile

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*)\Z")
_FLAG = re.compile(r"\s*--([A-Za-z][A-Za-z-]*)(?:=(\S*))?(?=\s|\Z)")
_HEREDOC = re.compile(r"(?<![<\w])\d*<<(-?)(['\"]?)([A-Za-z_][\w.-]*)\2(?=\s|\Z|[;&|)])")
_MOST_INSTRUCTIONS = 2_000
_MOST_WORDS = 20_000
_MOST_CHARACTERS = 1 << 19
# BuildKit's parser reads lines by a scanner with Go's own limit.
_LONGEST_LINE = 65_535
_SHELL = frozenset({"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL"})
_KNOWN = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)


@frozen
class Heredoc:
    """The body of a here-document in RUN, COPY or ADD; a quoted delimiter keeps it from expanding."""

    name: str
    body: Spelled
    quoted: bool


@frozen
class Instruction:
    """One instruction: its keyword in capitals, its `--flags`, and the rest of its logical line."""

    keyword: str
    flags: tuple[tuple[str, str], ...]
    rest: Spelled
    place: Place
    heredocs: tuple[Heredoc, ...] = ()

    def flag(self, name: str) -> str | None:
        """Return the value of a `--flag`, `""` for one without a value, `None` where it is absent."""
        return dict(self.flags).get(name)

    @property
    def words(self) -> tuple[str, ...] | None:
        """Return the words of the JSON form, or `None` for the shell form."""
        if not self.rest.text.lstrip().startswith("["):
            return None
        try:
            words = json.loads(self.rest.text)
        except ValueError:
            return None
        return tuple(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


@frozen
class Stage:
    """One build stage: its name (`AS`), the image it starts from as written, and its instructions."""

    index: int
    name: str | None
    image: Spelled
    image_parts: tuple[Part, ...]
    platform: str | None
    place: Place
    instructions: tuple[Instruction, ...]

    @property
    def scope(self) -> str:
        """Return the name of the stage, or its index where it has none."""
        return self.name or str(self.index)


@frozen
class Dockerfile:
    """A parsed Dockerfile: the ARGs above the first FROM, the stages, and what could not be understood."""

    path: str
    arguments: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    escape: str
    lines: Lines
    problems: tuple[tuple[Place, str], ...] = ()

    def stage(self, name: str) -> Stage | None:
        """Return the stage of a name (in any case) or index."""
        by_name = [stage for stage in self.stages if stage.name and stage.name.lower() == name.lower()]
        if by_name:
            return by_name[-1]
        return self.stages[int(name)] if name.isdecimal() and int(name) < len(self.stages) else None


@lru_cache(maxsize=64)
def parse(source: SourceFile) -> Dockerfile:
    """Parse a Dockerfile; what is wrong in it is listed, nothing is raised."""
    text = source.text.removeprefix("\ufeff")
    lines = Lines(source.path, text)
    physical = _physical(text)
    escape = _escape(physical)
    read, beyond = _physical_limit(physical, lines)
    instructions, further = _limited(_instructions(read, escape, lines), escape, lines)
    problems = [*beyond, *further]
    problems += [
        (found.place, f"{clipped(found.keyword)} is no instruction of a Dockerfile")
        for found in instructions
        if found.keyword not in _KNOWN
    ]
    first = next((index for index, found in enumerate(instructions) if found.keyword == "FROM"), len(instructions))
    stages = tuple(_stages(instructions[first:], escape))
    problems += [
        (found.place, f"{found.keyword} stands before the first FROM, only ARG may")
        for found in instructions[:first]
        if found.keyword != "ARG" and found.keyword in _KNOWN
    ]
    arguments = tuple(found for found in instructions[:first] if found.keyword == "ARG")
    return Dockerfile(source.path, arguments, stages, escape, lines, tuple(problems))


def _physical_limit(physical: list[Spelled], lines: Lines) -> tuple[list[Spelled], list[tuple[Place, str]]]:
    """Return the lines before one that is longer than a build takes, and what is to be said of that one."""
    for index, line in enumerate(physical):
        if len(line.text) * 4 > _LONGEST_LINE < len(line.text.encode(errors="replace")):
            message = f"the line has more than {_LONGEST_LINE:,} bytes, Docker reads no longer one"
            return physical[:index], [(lines.place(line.start), message)]
        if line.start > _MOST_CHARACTERS:
            message = f"the file has more than {_MOST_CHARACTERS:,} characters up to here, should have fewer"
            return physical[:index], [(lines.place(line.start), message)]
    return physical, []


def _limited(
    found: Iterator[Instruction], escape: str, lines: Lines
) -> tuple[list[Instruction], list[tuple[Place, str]]]:
    """Return the instructions that are followed, up to the first that is too much or nests too deep."""
    kept, pieces = list[Instruction](), 0
    for instruction in found:
        text, place = instruction.rest.text, instruction.place
        if instruction.keyword not in _SHELL:
            pieces += len(text.split()) + sum(map(text.count, "$'\"\\`"))
        if len(kept) == _MOST_INSTRUCTIONS:
            return kept, [(place, f"the file has more than {_MOST_INSTRUCTIONS:,} instructions, should have fewer")]
        if pieces > _MOST_WORDS:
            return kept, [(place, f"the file has more than {_MOST_WORDS:,} words up to here, should have fewer")]
        is_suspect = instruction.keyword not in _SHELL and text.count("${") > DEEPEST
        if is_suspect and depth(parts(instruction.rest, escape)) > DEEPEST:
            at = lines.place(instruction.rest.at[text.index("${")])
            return kept, [(at, f"the value nests more than {DEEPEST} expansions, should be flat")]
        kept.append(instruction)
    return kept, []


def _physical(text: str) -> list[Spelled]:
    """Return the lines of a file without their ends."""
    found, begin = [], 0
    while begin < len(text):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
        found.append(spelled(text[begin:end].removesuffix("\r"), begin))
        begin = end + 1
    return found


def _escape(physical: list[Spelled]) -> str:
    """Return the escape character: a parser directive at the very top may make it a backtick."""
    for line in physical:
        directive = _DIRECTIVE.match(line.text.strip())
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in {"\\", "`"}:
            return directive[2]
    return "\\"


def _instructions(physical: list[Spelled], escape: str, lines: Lines) -> Iterator[Instruction]:
    """Yield the instructions: continued lines joined, comments and empty lines between them dropped."""
    mark = re.escape(escape)
    continued = re.compile(rf"(?:^|(?<=[^{mark}])){mark}[ \t]*\Z")
    index = 0
    while index < len(physical):
        logical: list[Spelled] = []
        while index < len(physical):
            line = physical[index]
            index += 1
            if not line.text.strip() or line.text.lstrip().startswith("#"):
                if logical:
                    continue
                break
            end = continued.search(line.text)
            logical.append(line.cut(0, end.start()) if end else line)
            if not end:
                break
        if not logical:
            continue
        whole = joined(logical, logical[0].start).stripped()
        if whole.text:
            heredocs, index = _heredocs(whole, physical, index)
            yield _instruction(whole, heredocs, lines)


def _heredocs(whole: Spelled, physical: list[Spelled], index: int) -> tuple[tuple[Heredoc, ...], int]:
    """Return the here-documents that an instruction opens, and the index of the line behind them."""
    found: list[Heredoc] = []
    if whole.text.split(None, 1)[0].upper() not in {"RUN", "COPY", "ADD"}:
        return (), index
    for opening in _HEREDOC.finditer(whole.text):
        begin = index
        while index < len(physical) and _terminator(physical[index].text, opening[1]) != opening[3]:
            index += 1
        body = _body(physical[begin:index], whole.end)
        found.append(Heredoc(opening[3], body, bool(opening[2])))
        index += 1
    return tuple(found), index


def _terminator(line: str, dash: str) -> str:
    """Return a line as it would end a here-document: `<<-` allows tabs before it."""
    return line.lstrip("\t") if dash else line


def _body(lines: list[Spelled], start: int) -> Spelled:
    """Join the lines of a here-document with their line ends."""
    ended = [Spelled(f"{line.text}\n", (*line.at, line.end), line.start) for line in lines]
    return joined(ended, start)


def _instruction(whole: Spelled, heredocs: tuple[Heredoc, ...], lines: Lines) -> Instruction:
    """Split a logical line in keyword, flags and rest."""
    keyword = whole.text.split(None, 1)[0]
    rest = whole.cut(len(keyword))
    flags: list[tuple[str, str]] = []
    begin = 0
    while flag := _FLAG.match(rest.text, begin):
        flags.append((flag[1], flag[2] or ""))
        begin = flag.end()
    rest = rest.cut(begin).stripped()
    return Instruction(keyword.upper(), tuple(flags), rest, lines.place(whole.start), heredocs)


def _stages(instructions: list[Instruction], escape: str) -> Iterator[Stage]:
    """Yield the stages that a list of instructions, beginning with FROM, makes up."""
    starts = [index for index, found in enumerate(instructions) if found.keyword == "FROM"]
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(instructions)
        from_ = instructions[start]
        words = split(from_.rest, escape)
        named = len(words) == len(("image", "AS", "name")) and words[1].text.upper() == "AS"
        image = words[0] if words else from_.rest
        yield Stage(
            index=number,
            name=words[2].text if named else None,
            image=image,
            image_parts=parts(image, escape),
            platform=from_.flag("platform"),
            place=from_.place,
            instructions=tuple(instructions[start + 1 : end]),
        )
