"""Level `source`: the files that builds copy and that containers mount are there, and are what they should be."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import is_remote
from pytest_newscreator.resolve.docker.context import Context, made_elsewhere
from pytest_newscreator.resolve.docker.image import Copy, copies
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.docker.words import arguments
from pytest_newscreator.sources.lines import UNKNOWN
from pytest_newscreator.verdicts import Finding, NotVerified


@frozen
class Wanted:
    """One source of one COPY or ADD: its Dockerfile, its instruction, and which of its sources it is."""

    dockerfile: str
    instruction: Place
    index: int


@frozen
class Built:
    """One way a Dockerfile is built: the folder, and the COPY and ADD lines as they read there."""

    context: Context
    copies: tuple[Copy, ...]

    def source(self, wanted: Wanted) -> str:
        """Return a source as this build reads it; "" where it has no such source."""
        found = (copy for copy in self.copies if copy.place == wanted.instruction)
        copy = next(found, None)
        return copy.sources[wanted.index] if copy and wanted.index < len(copy.sources) else ""

    def lacks(self, source: str) -> bool:
        """Return whether a source is certainly missing in this build."""
        if UNKNOWN in source:
            return False
        gone = not self.context.exists(source) and made_elsewhere(self.context.root, self.context.path(source)) is None
        return gone or self.context.hidden_by(source) is not None


def build_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every source that a Dockerfile of the repository takes from its build context."""
    for path in _dockerfiles(repository):
        for copy in _copies(repository, path, {}):
            for index, (source, place) in enumerate(zip(copy.sources, copy.source_places, strict=True)):
                if not is_remote(source):
                    name = source.replace(UNKNOWN, "*")
                    yield Subject(f"{path} {name}", place, Wanted(path, copy.place, index))


def _dockerfiles(repository: Repository) -> list[str]:
    """Return the Dockerfiles that count: those of the repository, and whatever Compose builds."""
    own = [path for path in repository.files if dockerfile.matches(path)]
    return list(dict.fromkeys([*own, *(path for path, _, _ in _builds(repository))]))


def _builds(repository: Repository) -> Iterator[tuple[str, str, dict[str, Value]]]:
    """Yield Dockerfile, context and arguments of every build in the repository that Compose knows."""
    for project in repository.resolved.values():
        for service in {**project.disabled, **project.services}.values():
            build = service.build
            if build and build.dockerfile and (repository.root / build.dockerfile).is_file():
                yield build.dockerfile, build.context, dict(build.args)


def _copies(repository: Repository, path: str, args: dict[str, Value]) -> tuple[Copy, ...]:
    """Return what a Dockerfile takes from its context; an argument that nobody gives a value stays unknown."""
    source = repository.source(path)
    if source is None:
        return ()
    parsed = dockerfile.parse(source)
    lines = [*parsed.arguments, *(line for stage in parsed.stages for line in stage.instructions)]
    declared = [pair for line in lines if line.keyword == "ARG" for pair in arguments(line.rest, parsed.escape)]
    settled = {name for name, value in declared if value is not None}
    unknown = {name: Value(name, UNKNOWN) for name, _ in declared if name not in settled}
    found = copies(parsed, build_args={**unknown, **args})
    return tuple(copy for copy in found if copy.from_stage is None)


def build(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every file that a Dockerfile copies is in its build context, and no .dockerignore keeps it away.

    A build that nobody runs today is run at the next deploy. It happened with a Modelfile that was renamed and whose
    COPY was not, and with a line of a .dockerignore written for another image of the same folder. Correct the COPY,
    or the line that hides the file.
    """
    newscreator_conclude("build", newscreator_subject)


def judge_build(subject: Subject, repository: Repository) -> Finding | None:
    """Return why a source cannot be copied; NotVerified where something outside of the repository decides."""
    wanted: Wanted = subject.data
    unsure: NotVerified | None = None
    for built in _ways(repository, wanted.dockerfile):
        source = built.source(wanted)
        if UNKNOWN in source:
            reason = f"{subject.place}: what is copied depends on a build argument without a default"
            unsure = unsure or NotVerified(reason, needs="", fix="")
        elif built.lacks(source):
            return _uncopied(subject, built, source, repository)
        elif source and not built.context.exists(source):
            path = built.context.path(source)
            reason = f"{path} is not here: {made_elsewhere(repository.root, path)}"
            unsure = unsure or NotVerified(reason, needs="", fix="make it first, as a build does")
    if unsure is not None:
        raise unsure
    return None


def _ways(repository: Repository, path: str) -> list[Built]:
    """Return the ways a Dockerfile is built: Compose's own, else the likeliest of the folders around it."""
    known = [(context, args) for name, context, args in _builds(repository) if name == path]
    if known:
        return [
            Built(Context.of(repository.root, folder, path), _copies(repository, path, args))
            for folder, args in known
            if not folder.startswith(("/", "~", "..")) and not is_remote(folder) and (repository.root / folder).is_dir()
        ]
    found = _copies(repository, path, {})
    around = [Built(Context.of(repository.root, folder, path), found) for folder in _around(path)]
    return [min(around, key=lambda built: sum(built.lacks(source) for copy in found for source in copy.sources))]


def _around(path: str) -> Iterator[str]:
    """Yield the folder of a file and those above it, the root last."""
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield "."


def _uncopied(subject: Subject, built: Built, source: str, repository: Repository) -> Finding:
    """Say why a source does not reach the build."""
    path, hidden = built.context.path(source), built.context.hidden_by(source)
    wanted: Wanted = subject.data
    keyword = next((copy.keyword for copy in built.copies if copy.place == wanted.instruction), "COPY")
    if not built.context.exists(source):
        variants = (v for model in repository.contract.models.values() for v in model.variants.values())
        return Finding(
            f"{keyword} takes {source}, which is not in the build context {built.context.folder}",
            place=subject.place,
            expected="a file of the context",
            observed=f"no {path}",
            fix=f"create {path}, or correct the {keyword}",
            causes=tuple(variant.place for variant in variants if variant.modelfile == path),
        )
    return Finding(
        f"{keyword} takes {source}, which {built.context.ignore_path} keeps out of the build",
        place=subject.place,
        chain=(f"{hidden}: hides {path}",),
        fix=f"change the line of {built.context.ignore_path}, or bring the file back with `!{source}`",
        causes=(hidden,) if hidden else (),
    )


BUILD = Check("build", "source", "config", build, build_subjects, judge_build)
