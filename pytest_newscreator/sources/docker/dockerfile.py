"""Dockerfiles: stages and instructions with their places, and where they give settings a value."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from pytest_newscreator.sources.docker.parse import Dockerfile, Heredoc, Instruction, Stage, parse
from pytest_newscreator.sources.docker.words import Expansion, Part, arguments, pairs, parts, split
from pytest_newscreator.sources.lines import UNKNOWN, Spelled, joined
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.shell.reader import looks_like_shell, read_script
from pytest_newscreator.sources.sites import Read, Reader, Site, SiteKind, SourceFile

__all__ = ["READER", "Dockerfile", "Heredoc", "Instruction", "Stage", "images", "matches", "parse", "read"]

_STEMS = ("dockerfile", "containerfile")
_RUNS = frozenset({"CMD", "ENTRYPOINT", "HEALTHCHECK"})
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})
_PLATFORM = frozenset({"PLATFORM", "OS", "ARCH", "VARIANT", "OSVERSION", "STAGE"})
_PREDEFINED = frozenset(
    {
        *_PROXIES,
        *(name.lower() for name in _PROXIES),
        *(f"{side}{name}" for side in ("TARGET", "BUILD") for name in _PLATFORM),
        *("SOURCE_DATE_EPOCH", "BUILDKIT_INLINE_CACHE", "BUILDKIT_CONTEXT_KEEP_GIT_DIR"),
    }
)
"""What a build has without anybody giving it."""
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def matches(path: str) -> bool:
    """Tell whether a path names a Dockerfile: Dockerfile, Dockerfile.x, x.Dockerfile, Containerfile and its like."""
    name = path.rpartition("/")[2].lower()
    if name.endswith(".dockerignore"):
        return False
    return name.startswith(tuple(f"{stem}." for stem in _STEMS)) or name.rpartition(".")[2] in _STEMS


def images(dockerfile: Dockerfile) -> tuple[tuple[Stage, str | None], ...]:
    """Return each stage with the image it starts from, as far as the file's own ARG defaults tell it."""
    known = {
        name: _evaluate(parts(value, dockerfile.escape)).value
        for instruction in dockerfile.arguments
        for name, value in arguments(instruction.rest, dockerfile.escape)
        if value is not None
    }
    return tuple((stage, _evaluate(stage.image_parts, known).value) for stage in dockerfile.stages)


def read(source: SourceFile) -> Read:
    """Read one Dockerfile; every stage counts, whether today's build reaches it or not."""
    return _Reading(parse(source)).result()


def _evaluate(found: tuple[Part, ...], known: dict[str, str | None] | None = None) -> Spelled:
    """Return what a word amounts to where only `known` is set: defaults count, the rest is unknown."""
    pieces: list[Spelled] = []
    for part in found:
        if isinstance(part, Spelled):
            pieces.append(part)
        elif known and known.get(part.name):
            text = known[part.name] or ""
            pieces.append(Spelled(text, (part.start,) * len(text), part.start))
        elif part.operator in {":-", "-"}:
            inner = _evaluate(part.operand, known)
            pieces.append(inner if inner.text else Spelled("", (), part.operand_start))
        else:
            pieces.append(Spelled(UNKNOWN, (part.start,), part.start))
    return joined(pieces, 0)


class _Reading:
    """What is found in one Dockerfile, stage by stage."""

    def __init__(self, dockerfile: Dockerfile) -> None:
        """Take the parsed file."""
        self.dockerfile = dockerfile
        self.locate = dockerfile.lines.place
        self.scope = ""
        self.sites: list[Site] = []
        self.built: set[str] = set()
        self.run: set[str] = set()
        self.arguments: set[str] = set()
        self.given: set[str] = set()
        self.problems = list(dockerfile.problems)

    def result(self) -> Read:
        """Return the sites in the order of the file; ARGs are read from outside, and so is what runs later."""
        for instruction in self.dockerfile.arguments:
            self._instruction(instruction)
        for stage in self.dockerfile.stages:
            self.scope = stage.scope
            self._expansions(stage.image_parts)
            for instruction in stage.instructions:
                self._instruction(instruction)
        reads = (self.arguments - _PREDEFINED) | self.run | (self.built - self.given - _PREDEFINED)
        reads = {name for name in reads if _IDENTIFIER.match(name)}
        return Read(in_order(self.sites), frozenset(reads), tuple(self.problems))

    def _instruction(self, instruction: Instruction) -> None:
        """Report one instruction by its keyword."""
        escape = self.dockerfile.escape
        if instruction.keyword == "ARG":
            self._pairs(arguments(instruction.rest, escape), "dockerfile-arg", self.arguments)
        elif instruction.keyword == "ENV":
            self._pairs(pairs(instruction.rest, escape), "dockerfile-env", self.given)
        elif instruction.keyword == "RUN":
            self._command(instruction, self.built)
        elif instruction.keyword in _RUNS:
            self._command(instruction, self.run)
        elif instruction.keyword == "ONBUILD":
            self._later(instruction)
        else:
            self._expansions(parts(instruction.rest, escape))
        if instruction.keyword in {"COPY", "ADD"}:
            self._copied(instruction)

    def _later(self, instruction: Instruction) -> None:
        """Report what ONBUILD keeps for the builds of other images; it gives this one nothing."""
        words = instruction.rest.text.split(None, 1)
        given = set(self.given)
        if words and words[0].upper() not in {"ONBUILD", "FROM"}:
            rest = instruction.rest.cut(len(words[0])).stripped()
            self._instruction(replace(instruction, keyword=words[0].upper(), rest=rest))
        self.given = given

    def _pairs(self, found: list[tuple[str, Spelled | None]], kind: SiteKind, names: set[str]) -> None:
        """Report name-value pairs; a value that is wholly `${X:-d}` is X's, under another name."""
        for name, raw in found:
            if raw is not None:
                self._pair(name, parts(raw, self.dockerfile.escape), raw, kind)
            names.add(name)

    def _pair(self, name: str, found: tuple[Part, ...], raw: Spelled, kind: SiteKind) -> None:
        """Report one pair."""
        whole = found[0] if len(found) == 1 and isinstance(found[0], Expansion) else None
        if whole is not None and whole.operator in {":-", "-", ""}:
            if not whole.operator:
                place = self.locate(whole.start)
                self.sites.append(Site(whole.name, None, place, "dockerfile-env", name, self.scope, handed_on=True))
            self._expansions(found, name)
            return
        value = _evaluate(found) if found else Spelled("", (), raw.start)
        self.sites.append(Site(name, value.value, self.locate(value.start), kind, scope=self.scope))
        self._expansions(found)

    def _expansions(self, found: tuple[Part, ...], into: str | None = None) -> None:
        """Report the defaults among the expansions of a word, nested ones too."""
        for part in found:
            if isinstance(part, Spelled):
                continue
            if part.name not in self.given:
                self.built.add(part.name)
            if part.operator in {":-", "-"}:
                value = _evaluate(part.operand)
                start = value.start if part.operand else part.operand_start
                site = Site(part.name, value.value, self.locate(start), "dockerfile-env", into, self.scope)
                self.sites.append(site)
            whole = len(part.operand) == 1 and part.operator in {":-", "-"}
            self._expansions(part.operand, into if whole else None)

    def _command(self, instruction: Instruction, reads: set[str]) -> None:
        """Report RUN, CMD, ENTRYPOINT and HEALTHCHECK through the shell reader."""
        text = instruction.rest
        if instruction.keyword == "HEALTHCHECK":
            text = text.cut(len("CMD")).stripped() if text.text.upper().startswith("CMD") else text.cut(0, 0)
        if text.text.startswith("["):
            text = _as_command(text)
        if instruction.heredocs:
            text = _with_bodies(text, instruction.heredocs)
        self._script(text, reads)

    def _script(self, text: Spelled, reads: set[str]) -> None:
        """Walk a script that stands inside the Dockerfile."""
        walk = read_script(text.text, text.locator(self.locate), scope=self.scope)
        self.sites.extend(_as_dockerfile(walk.sites))
        self.problems.extend(walk.problems)
        reads.update(walk.reads)

    def _copied(self, instruction: Instruction) -> None:
        """Report the files that COPY and ADD write from here-documents, as if `cat` did."""
        words = split(instruction.rest, self.dockerfile.escape)
        for heredoc in instruction.heredocs:
            name = words[-1].text.strip("\"'")
            target = f"{name}{heredoc.name}" if name.endswith("/") else name
            if looks_like_shell(heredoc.body.text):
                self._script(heredoc.body, self.run)
            else:
                start, quote = heredoc.body.start, "'" if heredoc.quoted else ""
                opening = f"cat > {shlex.quote(target)} <<{quote}{heredoc.name}{quote}\n"
                head = Spelled(opening, (start,) * len(opening), start)
                self._script(joined([head, *_with_end(heredoc)], start), self.built)


def _as_dockerfile(sites: list[Site]) -> Iterator[Site]:
    """Yield the sites of a script under the kinds of the file they stand in."""
    for site in sites:
        yield replace(site, kind="dockerfile-env") if site.kind == "shell-default" else site


def _as_command(text: Spelled) -> Spelled:
    """Return the words of a JSON form as single-quoted words of a shell, which neither splits nor expands them."""
    pieces: list[Spelled] = []
    for word in _STRING.finditer(text.text):
        inner = text.cut(word.start() + 1, word.end() - 1)
        if "'" in inner.text or "\\" in inner.text:
            inner = _requoted(inner)
        opening, closing = text.at[word.start()], text.at[word.end() - 1]
        pieces += [Spelled("'", (opening,), opening), inner, Spelled("' ", (closing, closing), closing)]
    return joined(pieces, text.start)


def _requoted(inner: Spelled) -> Spelled:
    """Return the inside of a JSON string with its quotes unescaped and its single quotes made safe."""
    pieces: list[Spelled] = []
    for found in re.finditer(r"\\u[0-9a-fA-F]{4}|\\(.)|'|[^'\\]+", inner.text, re.DOTALL):
        piece = inner.cut(found.start(), found.end())
        if found[0] == "'":
            piece = Spelled("'\\''", (piece.start,) * 4, piece.start)
        elif found[1]:
            char = {"n": "\n", "t": "\t", "r": "\r"}.get(found[1], found[1])
            piece = Spelled(char, (piece.at[-1],), piece.at[-1])
        pieces.append(piece)
    return joined(pieces, inner.start)


def _with_bodies(text: Spelled, heredocs: tuple[Heredoc, ...]) -> Spelled:
    """Return the script of a RUN with here-documents: one without any command is the script itself."""
    if len(text.text.split()) == 1:
        body = heredocs[0].body
        is_script = not body.text.startswith("#!") or looks_like_shell(body.text)
        return body if is_script else body.cut(0, 0)
    for heredoc in heredocs:
        text = joined([text, Spelled("\n", (text.end,), text.end), *_with_end(heredoc)], text.start)
    return text


def _with_end(heredoc: Heredoc) -> list[Spelled]:
    """Return a here-document's body with its closing line, which the parser took off."""
    end = heredoc.body.end
    closing = f"{heredoc.name}\n"
    return [heredoc.body, Spelled(closing, (end,) * len(closing), end)]


READER = Reader(name="dockerfile", matches=matches, read=read)
