"""What a Dockerfile leaves in its image: the environment with its provenance, the command, the files copied.

The rules are BuildKit's (frontend/dockerfile/dockerfile2llb): a stage inherits the ENV and the ARGs of the stage it is
built from; whichever of ENV and ARG wrote a name last wins where it is expanded, and only ENV reaches the image; every
pair of one ENV line sees the values from before that line.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from pytest_newscreator.errors import ResolutionError, SourceError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.docker.expand import Expander
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.sources.bounds import Room
from pytest_newscreator.sources.docker.dockerfile import Dockerfile, Instruction, Stage
from pytest_newscreator.sources.docker.words import arguments, pairs, parts, split
from pytest_newscreator.sources.lines import Spelled

_FOLLOWED = frozenset(
    ["ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "SHELL", "USER", "WORKDIR"]
)
BaseEnvironment = Callable[[str], Mapping[str, str]]


@frozen
class Copy:
    """One COPY or ADD: sources as the build sees them, the absolute destination, and where each source stands.

    `from_stage` is the stage or image of `--from`, whose files are not those of the build context.
    """

    keyword: str
    sources: tuple[str, ...]
    source_places: tuple[Place, ...]
    destination: str
    place: Place
    stage: str
    chown: str | None = None
    chmod: str | None = None
    from_stage: str | None = None


@frozen
class ImageConfig:
    """What the final stage amounts to; `None` is what neither the file nor a known base image says.

    `base` is the image the chain of stages starts from, `exposed` reads like `11434/tcp`, `healthcheck` like Docker's
    own `Test` (`("CMD-SHELL", "curl ...")`, `("NONE",)`), and `copies` are those of the stages the image is made of.
    """

    environment: Mapping[str, Value] = field(default_factory=dict)
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    user: str | None = None
    workdir: str | None = None
    exposed: tuple[str, ...] = ()
    healthcheck: tuple[str, ...] | None = None
    healthcheck_options: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[Copy, ...] = ()
    base: str | None = None
    stage: str = ""
    warnings: tuple[tuple[Place, str], ...] = ()


def image_environment(
    dockerfile: Dockerfile,
    *,
    build_args: Mapping[str, Value] | None = None,
    target: str | None = None,
    base_env: BaseEnvironment | None = None,
    sequential_args: bool = False,
) -> ImageConfig:
    """Return what building `target` (the last stage, if `None`) leaves in the image.

    `base_env` tells the ENV of an image by its reference. `sequential_args` lets `ARG X=1 Y=$X` see its own line, as
    current frontends do; that of engine 20.10 does not. Raises ResolutionError where there is no such stage, and where
    a value of it takes more room than there is.
    """
    build = _Build(dockerfile, build_args or {}, base_env or (lambda _: {}), sequential_args=sequential_args)
    config = build.stage(_target(dockerfile, target)).config(build)
    for fault in build.faults[:1]:
        raise ResolutionError(fault.message, place=fault.place, fix=fault.fix)
    return config


def copies(dockerfile: Dockerfile, *, build_args: Mapping[str, Value] | None = None) -> tuple[Copy, ...]:
    """Return the COPY and ADD instructions of every stage, those that no target reaches included."""
    build = _Build(dockerfile, build_args or {}, lambda _: {}, sequential_args=False)
    found = [copy for stage in dockerfile.stages for copy in build.stage(stage).copies if copy.stage == stage.scope]
    return tuple(found)


def _target(dockerfile: Dockerfile, target: str | None) -> Stage:
    """Return the stage to build."""
    place = Place(dockerfile.path)
    if not dockerfile.stages:
        message = "has no FROM, should have one at least"
        raise ResolutionError(message, place=place, fix="add `FROM image`")
    stage = dockerfile.stage(target) if target is not None else dockerfile.stages[-1]
    if stage is None:
        names = ", ".join(known.scope for known in dockerfile.stages)
        message = f"has no stage {target}, should have it: it is the build's target"
        raise ResolutionError(message, place=place, fix=f"set the target to one of: {names}")
    return stage


@dataclass(slots=True)
class _State:
    """A stage while its instructions are followed; a child stage starts from a copy of it."""

    scope: str
    variables: dict[str, Value] = field(default_factory=dict)
    environment: dict[str, Value] = field(default_factory=dict)
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    own_cmd: bool = False
    user: str | None = None
    workdir: str | None = None
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    exposed: tuple[str, ...] = ()
    healthcheck: tuple[str, ...] | None = None
    healthcheck_options: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[Copy, ...] = ()
    base: str | None = None

    def child(self, scope: str) -> _State:
        """Return the state a stage built from this one begins with."""
        variables, environment = dict(self.variables), dict(self.environment)
        return replace(self, scope=scope, variables=variables, environment=environment, own_cmd=False)

    def config(self, build: _Build) -> ImageConfig:
        """Freeze the state."""
        return ImageConfig(
            environment=dict(self.environment),
            entrypoint=self.entrypoint,
            cmd=self.cmd,
            user=self.user,
            workdir=self.workdir,
            exposed=self.exposed,
            healthcheck=self.healthcheck,
            healthcheck_options=self.healthcheck_options,
            copies=self.copies,
            base=self.base,
            stage=self.scope,
            warnings=tuple(dict.fromkeys(build.warnings)),
        )


class _Build:
    """One evaluation of a Dockerfile under one set of build arguments."""

    def __init__(
        self, file: Dockerfile, build_args: Mapping[str, Value], base_env: BaseEnvironment, *, sequential_args: bool
    ) -> None:
        """Evaluate the ARGs above the first FROM, which only FROM lines and bare redeclarations see."""
        self.file = file
        self.build_args = build_args
        self.base_env = base_env
        self.sequential_args = sequential_args
        self.warnings: list[tuple[Place, str]] = []
        self.globals: dict[str, Value] = {}
        self.faults: list[SourceError] = []
        self.room = Room()
        self._done: dict[int, _State] = {}
        for instruction in file.arguments:
            with self._noting_faults():
                for name, raw in arguments(instruction.rest, file.escape):
                    value = self._argument(name, raw, self.globals, instruction.place)
                    if value is not None:
                        self.globals[name] = value

    @contextmanager
    def _noting_faults(self) -> Iterator[None]:
        """Keep what a line cannot come to: what follows is evaluated without it."""
        try:
            yield
        except SourceError as error:
            self.faults.append(error)

    def stage(self, stage: Stage) -> _State:
        """Return the state a stage ends in; those that it is built from come first."""
        chain = [stage]
        while chain[-1].index not in self._done and (parent := self._parent(chain[-1])[0]) is not None:
            chain.append(parent)
        for one in reversed(chain):
            if one.index not in self._done:
                state = self._begin(one)
                for instruction in one.instructions:
                    if instruction.keyword in _FOLLOWED:
                        with self._noting_faults():
                            getattr(self, f"_{instruction.keyword.lower()}")(state, instruction)
                self._done[one.index] = state
        return self._done[stage.index]

    def _parent(self, stage: Stage) -> tuple[Stage | None, str, tuple[Hop, ...]]:
        """Return the earlier stage that a stage is built from, the name it gives, and where the name is from."""
        image, hops = "", tuple[Hop, ...]()
        with self._noting_faults():
            image, hops = self._expander(self.globals).expand(stage.image_parts)
        named = self._named.get(image.lower(), ()) if image else ()
        earlier = bisect_left(named, stage.index) if named else 0
        return (self.file.stages[named[earlier - 1]] if earlier else None), image, hops

    @cached_property
    def _named(self) -> dict[str, list[int]]:
        """Return the stages of each name, in their order."""
        found: dict[str, list[int]] = {}
        for stage in self.file.stages:
            if stage.name:
                found.setdefault(stage.name.lower(), []).append(stage.index)
        return found

    def _begin(self, stage: Stage) -> _State:
        """Start from an earlier stage of that name, else from the base image's ENV."""
        parent, image, hops = self._parent(stage)
        if parent is not None:
            return self._done[parent.index].child(stage.scope)
        why = f"the image {image} sets it"
        values = {
            name: Value(name, text, (Hop("image-env", name, text, None, won=True, why=why), *hops))
            for name, text in self.base_env(image).items()
        }
        return _State(stage.scope, variables=dict(values), environment=values, base=image or None)

    def _expander(self, variables: Mapping[str, Value]) -> Expander:
        """Return an expander over some variables."""
        return Expander(variables, self.file.lines.place, self._warn, self.room)

    def _warn(self, place: Place, text: str) -> None:
        """Keep what the build would refuse, or builders do differently."""
        self.warnings.append((place, text))

    def _expanded(self, state: _State, word: Spelled) -> str:
        """Return the text of a word in a stage."""
        return self._expander(state.variables).expand(parts(word, self.file.escape))[0]

    def _argument(self, name: str, raw: Spelled | None, seen: Mapping[str, Value], place: Place) -> Value | None:
        """Return the value of an ARG: the build's argument, its default, or the global of that name."""
        default = self._default(name, raw, seen) if raw is not None else None
        given = self.build_args.get(name)
        if given is None or given.text is None:
            return default if default is not None else self.globals.get(name)
        chain = given.chain or (Hop("build-arg", name, given.text, place, won=True, why="the build is given it"),)
        lost = tuple(replace(hop, won=False, why="the build is given another value") for hop in _head(default))
        return Value(name, given.text, (*chain, *lost))

    def _default(self, name: str, raw: Spelled, seen: Mapping[str, Value]) -> Value:
        """Return the value that an ARG line itself gives."""
        text, hops = self._expander(seen).expand(parts(raw, self.file.escape))
        return Value(name, text, (Hop("build-arg", name, text, self._place(raw), won=True), *hops))

    def _place(self, raw: Spelled) -> Place:
        """Return where the value of a raw word begins: inside its quotes."""
        first = next(iter(parts(raw, self.file.escape)), None)
        return self.file.lines.place(first.start if first is not None else raw.start)

    def _arg(self, state: _State, instruction: Instruction) -> None:
        """Declare arguments: the last writer of a name is what later lines see."""
        found = arguments(instruction.rest, self.file.escape)
        values: dict[str, Value] = {}
        seen: Mapping[str, Value] = ChainMap(values, state.variables) if self.sequential_args else state.variables
        for name, raw in found:
            value = self._argument(name, raw, seen, instruction.place)
            if value is not None:
                values[name] = value
        state.variables.update(values)
        self._warn_of_order(found)

    def _warn_of_order(self, found: list[tuple[str, Spelled | None]]) -> None:
        """Say where frontends disagree: `ARG X=1 Y=$X` on one line."""
        names: set[str] = set()
        for name, raw in found:
            word = parts(raw, self.file.escape) if raw is not None else ()
            used = names & {part.name for part in word if not isinstance(part, Spelled)}
            if raw is not None and used:
                text = f"ARG {name} uses {', '.join(sorted(used))} of its own line, which only newer builders see"
                self.warnings.append((self._place(raw), f"{text}; it should stand on a line of its own"))
            names.add(name)

    def _env(self, state: _State, instruction: Instruction) -> None:
        """Set variables of the image: all pairs of the line see what was before it."""
        values: dict[str, Value] = {}
        for name, raw in pairs(instruction.rest, self.file.escape):
            if raw is None:
                self.warnings.append((instruction.place, f"ENV {name} has no value, should be {name}=value"))
                continue
            text, hops = self._expander(state.variables).expand(parts(raw, self.file.escape))
            own = Hop("image-env", name, text, self._place(raw), won=True)
            earlier = _head(values.get(name) or state.environment.get(name))
            lost = (replace(hop, won=False, why="a later ENV overrides it") for hop in earlier)
            values[name] = Value(name, text, (own, *hops, *lost))
        state.variables.update(values)
        state.environment.update(values)

    def _shell(self, state: _State, instruction: Instruction) -> None:
        """Change what runs the shell forms."""
        state.shell = instruction.words or state.shell

    def _words(self, state: _State, instruction: Instruction) -> tuple[str, ...]:
        """Return a command in its exec form; the shell form is given to the shell unexpanded."""
        words = instruction.words
        return words if words is not None else (*state.shell, instruction.rest.text)

    def _entrypoint(self, state: _State, instruction: Instruction) -> None:
        """Set the entrypoint, which drops a command that was inherited."""
        state.entrypoint = self._words(state, instruction)
        state.cmd = state.cmd if state.own_cmd else None

    def _cmd(self, state: _State, instruction: Instruction) -> None:
        """Set the command."""
        state.cmd, state.own_cmd = self._words(state, instruction), True

    def _user(self, state: _State, instruction: Instruction) -> None:
        """Set the user."""
        state.user = self._expanded(state, instruction.rest)

    def _workdir(self, state: _State, instruction: Instruction) -> None:
        """Set the working directory, relative to the one before."""
        path = self._expanded(state, instruction.rest)
        state.workdir = posixpath.normpath(posixpath.join(state.workdir or "/", path))

    def _expose(self, state: _State, instruction: Instruction) -> None:
        """Add ports."""
        words = [self._expanded(state, word) for word in split(instruction.rest, self.file.escape)]
        ports = (port if "/" in port else f"{port}/tcp" for word in words for port in word.split())
        state.exposed = tuple(dict.fromkeys((*state.exposed, *ports)))

    def _healthcheck(self, state: _State, instruction: Instruction) -> None:
        """Set the healthcheck, or take it away."""
        kind, _, rest = instruction.rest.text.partition(" ")
        state.healthcheck_options = dict(instruction.flags)
        if kind.upper() == "NONE":
            state.healthcheck = ("NONE",)
            return
        command = instruction.rest.cut(len(instruction.rest.text) - len(rest)).stripped()
        words = replace(instruction, rest=command).words
        state.healthcheck = ("CMD", *words) if words is not None else ("CMD-SHELL", command.text)

    def _copy(self, state: _State, instruction: Instruction) -> None:
        """Note what is copied; here-documents are no files of the context."""
        words = list(self._paths(state, instruction))
        if len(words) < len(("source", "destination")):
            self.warnings.append((instruction.place, f"{instruction.keyword} has no destination, should have one"))
            return
        sources = [(text, place) for text, place in words[:-1] if not text.startswith("<<")]
        copy = Copy(
            keyword=instruction.keyword,
            sources=tuple(text for text, _ in sources),
            source_places=tuple(place for _, place in sources),
            destination=_destination(state.workdir or "/", words[-1][0]),
            place=instruction.place,
            stage=state.scope,
            chown=instruction.flag("chown"),
            chmod=instruction.flag("chmod"),
            from_stage=instruction.flag("from"),
        )
        state.copies = (*state.copies, copy)

    _add = _copy

    def _paths(self, state: _State, instruction: Instruction) -> Iterator[tuple[str, Place]]:
        """Yield the paths of COPY or ADD, expanded, with their places."""
        if instruction.words is not None:
            strings = re.finditer(r'"((?:[^"\\]|\\.)*)"', instruction.rest.text)
            places = [self._place(instruction.rest.cut(found.start(1))) for found in strings]
            yield from zip(instruction.words, places, strict=True)
            return
        for word in split(instruction.rest, self.file.escape):
            yield self._expanded(state, word), self._place(word)


def _head(value: Value | None) -> tuple[Hop, ...]:
    """Return the hop that wrote a value."""
    return value.chain[:1] if value is not None else ()


def _destination(workdir: str, path: str) -> str:
    """Return an absolute destination; a trailing slash says that it is a folder."""
    folder = "/" if path in {".", ".."} or path.endswith(("/", "/.")) else ""
    return posixpath.normpath(posixpath.join(workdir, path)).rstrip("/") + folder or "/"
