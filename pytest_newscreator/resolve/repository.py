"""The repository under test as one value: its contract, what its files say and what Compose makes of them.

Everything is computed when it is first asked for and kept, so that a session reads each file once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import PurePosixPath

from pytest_newscreator.contract.model import Contract, Invocation, Service, Setting
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import is_remote
from pytest_newscreator.resolve.compose.loading import Parsed
from pytest_newscreator.resolve.compose.project import Build, ComposeService, Project, load_project
from pytest_newscreator.resolve.docker.context import Context
from pytest_newscreator.resolve.given import Given, Images, build_fault, given, sources_copied, unread_build
from pytest_newscreator.resolve.invoked import named_at
from pytest_newscreator.resolve.oversized import matters, unread
from pytest_newscreator.resolve.values import Hop
from pytest_newscreator.sources import registry, tree
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.sites import Read, Reader, Site, SourceFile

COMPOSE_KINDS = ("compose-value", "compose-default")
DEFAULT_KINDS = ("python-default", "python-field", "shell-default", "code-default")
MOST_KEPT = 64 * 2**20
"""How many bytes of text are kept for those who ask again."""


class Repository:
    """What the contract describes, read once."""

    def __init__(self, contract: Contract, readers: Sequence[Reader]) -> None:
        """Remember the contract and the readers; nothing is read yet."""
        self.contract = contract
        self.root = contract.root
        self._readers = tuple(readers)
        self._parsed = Parsed()
        self._images: Images = {}
        self._sources: dict[str, SourceFile | None] = {}
        self._kept = 0
        self._lines: dict[str, Lines] = {}
        self._services: dict[str, tuple[Service, ...]] = {}
        self._is_shipped: dict[tuple[str, str], bool] = {}
        self._given: dict[int, tuple[ComposeService, Given]] = {}
        self._faults: dict[int, tuple[ComposeService, ResolutionError | None]] = {}

    @cached_property
    def projects(self) -> Mapping[str, Project | ResolutionError]:
        """Return each invocation as Compose resolves it, or why Compose would refuse it."""
        return {name: self.tried(invocation, {}) for name, invocation in self.contract.invocations.items()}

    def tried(self, invocation: Invocation, shell: Mapping[str, str]) -> Project | ResolutionError:
        """Resolve an invocation as it would be with further variables in the shell, or say why Compose would refuse it.

        The environment of this process never enters.
        """
        try:
            return load_project(
                self.root,
                files=invocation.files,
                env_files=invocation.env_files,
                environment={**invocation.environment, **shell},
                environment_place=invocation.place,
                named_at=partial(named_at, self.contract, invocation),
                profiles=invocation.profiles,
                project_directory=invocation.project_directory,
                parsed=self._parsed,
            )
        except ResolutionError as error:
            return error

    @cached_property
    def resolved(self) -> Mapping[str, Project]:
        """Return the invocations that resolve."""
        return {name: project for name, project in self.projects.items() if isinstance(project, Project)}

    @cached_property
    def loaded_files(self) -> frozenset[str]:
        """Return every file that some invocation reads, ignored by git or not."""
        return frozenset(path for project in self.resolved.values() for path in project.files)

    @cached_property
    def _listing(self) -> tree.Listing:
        """Return the files that count, and those too large to be read."""
        return tree.listing(self.root, exclude=self.contract.exclude, also=self.loaded_files)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Return the files that count, as the design says."""
        return self._listing.files

    @cached_property
    def _listed(self) -> frozenset[str]:
        """Return the same files, to look one up."""
        return frozenset(self.files)

    def source(self, path: str) -> SourceFile | None:
        """Return the text of any file of the repository, None where it is none; raises SourceError as it is read."""
        if path in self._sources:
            return self._sources[path]
        source = (tree.read_listed if path in self._listed else tree.read_text)(self.root, path)
        size = sys.getsizeof(source.text) if source is not None else 0
        if self._kept + size <= MOST_KEPT:
            self._kept += size
            self._sources[path] = source
        return source

    @property
    def sources(self) -> Iterator[SourceFile]:
        """Yield the text of each file that counts, in their order."""
        return (source for path in self.files if (source := self.source(path)) is not None)

    @cached_property
    def reads(self) -> Mapping[str, Read]:
        """Return what each file says; a Compose file counts only where an invocation loads it."""
        found = registry.read_all(self.files, self._own, self._readers)
        kept = {
            path: read
            for path, read in found.items()
            if path in self.loaded_files or not any(site.kind in COMPOSE_KINDS for site in read.sites)
        }
        return kept | {path: unread(path) for path in self.oversized}

    @cached_property
    def oversized(self) -> tuple[str, ...]:
        """Return the files of the contract's services that a reader would read, and that are too large for it."""
        known = (path for path in self._listing.oversized if any(one.matches(path) for one in self._readers))
        return tuple(path for path in known if not self.is_foreign(path) and matters(self.root, path, self.contract))

    def _own(self, path: str) -> SourceFile | None:
        """Return the text of a file that counts here."""
        return None if self.is_foreign(path) else self.source(path)

    def line(self, place: Place) -> str:
        """Return the line of a file that a place is on, "" where there is none; lines end as places count them."""
        if place.path not in self._lines:
            source = self.source(place.path)
            self._lines[place.path] = Lines(place.path, source.text if source is not None else "")
        return self._lines[place.path].line(place.line)

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Return every site of every file that counts, in file order."""
        return tuple(site for read in self.reads.values() for site in read.sites)

    @cached_property
    def contexts(self) -> Mapping[str, str]:
        """Return the build context of each service of the contract that has one, relative to the root."""
        found: dict[str, str] = {}
        for project in self.resolved.values():
            for key, service in self.contract.services.items():
                compose = self.compose_service(project, service)
                if compose is not None and compose.build is not None:
                    found.setdefault(key, compose.build.context)
        return found

    def compose_service(self, project: Project, service: Service) -> ComposeService | None:
        """Return the Compose service that this service of the contract is, where the invocation starts it."""
        return project.services.get(service.compose) if service.compose else None

    def services_of(self, path: str) -> tuple[Service, ...]:
        """Return the services of the contract in whose build context a file lies."""
        if path not in self._services:
            self._services[path] = tuple(
                self.contract.services[key]
                for key, context in self.contexts.items()
                if context in (".", "") or PurePosixPath(path).is_relative_to(context)
            )
        return self._services[path]

    @cached_property
    def _foreign(self) -> tuple[tuple[Build, frozenset[str] | None], ...]:
        """Return the builds of Compose services outside the contract, each with what it copies (None: anything)."""
        ours = {service.compose for service in self.contract.services.values()}
        found: dict[tuple[str, str], tuple[Build, frozenset[str] | None]] = {}
        for project in self.resolved.values():
            for name, service in {**project.disabled, **project.services}.items():
                build = service.build if name not in ours else None
                # A context around the project itself (`build: .`) says nothing about whose its files are.
                if build and not PurePosixPath(project.directory).is_relative_to(build.context):
                    copied = sources_copied(self.root, service)
                    found[build.context, build.dockerfile] = build, frozenset(copied) if copied else None
        return tuple(found.values())

    def is_foreign(self, path: str) -> bool:
        """Return whether a file is built into services outside the contract alone, so that no claim reaches it."""
        theirs = [
            (build, copied) for build, copied in self._foreign if PurePosixPath(path).is_relative_to(build.context)
        ]
        if not theirs or any(path in (*one.compose_files, *one.dotenv_files) for one in self.resolved.values()):
            return False
        if not self.services_of(path):
            return True
        taken = any(path == build.dockerfile or (copied and _is_covered(path, copied)) for build, copied in theirs)
        return taken and not any(self._takes(service, path) for service in self.services_of(path))

    def _takes(self, service: Service, path: str) -> bool:
        """Return whether a file is the service's Dockerfile, or may get into its image."""
        builds = [self.compose_service(project, service) for project in self.resolved.values()]
        return self.is_shipped(service, path) or any(
            one is not None and one.build is not None and one.build.dockerfile == path for one in builds
        )

    def build_fault(self, project: Project, service: Service) -> ResolutionError | None:
        """Return why the image of a service cannot be built from the repository, if it cannot."""
        compose = self.compose_service(project, service)
        if compose is None:
            return None
        if id(compose) not in self._faults:
            self._faults[id(compose)] = compose, build_fault(self.root, compose, self._images)
        return self._faults[id(compose)][1]

    def unread_build(self, project: Project, service: Service) -> str | None:
        """Return why it is not known what the image of a service is built from, if it is not."""
        compose = self.compose_service(project, service)
        return None if compose is None else unread_build(self.root, compose)

    def given(self, project: Project, service: Service) -> Given | None:
        """Return what Compose and the image give to a service."""
        compose = self.compose_service(project, service)
        return None if compose is None else self.container(compose)

    def container(self, compose: ComposeService) -> Given:
        """Return what Compose and the image give to any Compose service."""
        # The service is kept beside what it is given: an id is only its own as long as it lives.
        if id(compose) not in self._given:
            self._given[id(compose)] = compose, given(self.root, compose, self._images)
        return self._given[id(compose)][1]

    @cached_property
    def env_file_owners(self) -> Mapping[str, frozenset[str]]:
        """Return the Compose services that each `env_file` is given to; one that is also a dotenv file is left out."""
        found: dict[str, set[str]] = {}
        for project in self.resolved.values():
            for name, service in {**project.disabled, **project.services}.items() if project.env_files else ():
                hops = [hop for value in service.environment.values() for hop in value.chain if hop.kind == "env_file"]
                for path in {hop.place.path for hop in hops if hop.place}:
                    found.setdefault(path, set()).add(name)
        dotenv = {path for project in self.resolved.values() for path in project.dotenv_files}
        return {path: frozenset(names) for path, names in found.items() if path not in dotenv}

    @cached_property
    def compose_files(self) -> frozenset[str]:
        """Return the Compose files that some invocation loads."""
        return frozenset(path for project in self.resolved.values() for path in project.compose_files)

    @cached_property
    def reached(self) -> Mapping[tuple[str, int], frozenset[str]]:
        """Return, for each line that had a say in an environment, the Compose services it is."""
        found: dict[tuple[str, int], set[str]] = {}
        for name, hop in self._hops():
            if hop.place is not None:
                found.setdefault((hop.place.path, hop.place.line), set()).add(name)
        return {line: frozenset(names) for line, names in found.items()}

    @cached_property
    def interpolating(self) -> Mapping[str, frozenset[str]]:
        """Return, for each variable, the Compose services whose environment is interpolated from it."""
        found: dict[str, set[str]] = {}
        for name, hop in self._hops():
            if hop.kind in ("interpolation", "default", "dotenv", "shell"):
                found.setdefault(hop.name, set()).add(name)
        return {variable: frozenset(names) for variable, names in found.items()}

    @cached_property
    def serving(self) -> Mapping[str, Service]:
        """Return, for each Compose service that commands another's Ollama by OLLAMA_HOST, the service it commands."""
        found: dict[str, Service] = {}
        for project in self.resolved.values():
            for name, compose in {**project.disabled, **project.services}.items():
                host = compose.environment.get("OLLAMA_HOST")
                words = re.split(r"[/:]+", host.text or "") if host else []
                ours = (one for one in self.contract.services.values() if one.kind == "ollama" and one.compose in words)
                commanded = next(ours, None)
                if commanded is not None and commanded.compose != name:
                    found[name] = commanded
        return found

    def _hops(self) -> Iterator[tuple[str, Hop]]:
        """Yield every hop of every environment with its Compose service, those behind profiles included."""
        for project in self.resolved.values():
            for name, service in {**project.disabled, **project.services}.items():
                yield from ((name, hop) for value in service.environment.values() for hop in value.chain)

    def source_defaults(self, service: Service, name: str) -> Iterator[Site]:
        """Yield the defaults that the service's own sources have for a setting nobody gives them."""
        for path, read in self.reads.items():
            if self.is_shipped(service, path):
                yield from (site for site in read.sites if site.setting == name and site.kind in DEFAULT_KINDS)

    def reading(self, service: Service) -> frozenset[str]:
        """Return the names that the service's own sources read from their environment."""
        return frozenset().union(*(read.reads for path, read in self.reads.items() if self.is_shipped(service, path)))

    def is_shipped(self, service: Service, path: str) -> bool:
        """Return whether a file gets into the service's image: several services may share one build context."""
        key = service.key, path
        if key not in self._is_shipped:
            self._is_shipped[key] = service in self.services_of(path) and self._gets_in(service, path)
        return self._is_shipped[key]

    def _gets_in(self, service: Service, path: str) -> bool:
        """Return whether a file of a service's build context is mounted, or copied and kept away by no ignore file."""
        if _is_covered(path, self._mounted.get(service.key, frozenset())):
            return True
        copied = self._copied.get(service.key)
        contexts = self._build_contexts.get(service.key, ())
        is_hidden = contexts and all(one.excludes(path) for one in contexts)
        return not is_hidden and (copied is None or _is_covered(path, copied))

    @cached_property
    def _copied(self) -> Mapping[str, frozenset[str] | None]:
        """Return what each service's Dockerfile copies, relative to the root; None where no readable one says it."""
        found: dict[str, set[str] | None] = {}
        for key, compose in self._built:
            copied = sources_copied(self.root, compose)
            known = found.setdefault(key, set())
            found[key] = None if copied is None or known is None else known | copied
        return {key: frozenset(copied) if copied else None for key, copied in found.items()}

    @cached_property
    def _mounted(self) -> Mapping[str, frozenset[str]]:
        """Return what each service mounts, relative to the root."""
        found: dict[str, frozenset[str]] = {}
        for key, compose in self._built:
            binds = {mount.source for mount in compose.volumes if mount.type == "bind" and mount.source}
            found[key] = found.get(key, frozenset()) | binds
        return found

    @cached_property
    def _build_contexts(self) -> Mapping[str, tuple[Context, ...]]:
        """Return the folders that each service is built from, with what their ignore files keep away."""
        found: dict[str, dict[tuple[str, str], Context]] = {}
        for key, compose in self._built:
            build = compose.build
            if build is not None and not is_remote(build.context):
                built = found.setdefault(key, {})
                context = Context.of(self.root, build.context, build.dockerfile)
                built.setdefault((build.context, build.dockerfile), context)
        return {key: tuple(contexts.values()) for key, contexts in found.items()}

    @cached_property
    def _built(self) -> tuple[tuple[str, ComposeService], ...]:
        """Return the services of the contract that are built, under each invocation."""
        pairs = [
            (key, self.compose_service(project, service))
            for project in self.resolved.values()
            for key, service in self.contract.services.items()
        ]
        return tuple((key, compose) for key, compose in pairs if compose is not None and compose.build is not None)

    @cached_property
    def declared(self) -> Mapping[str, tuple[tuple[Service | None, Setting], ...]]:
        """Return every declared setting by name, with the services that declare it; switches belong to none."""
        found: dict[str, list[tuple[Service | None, Setting]]] = {}
        for service in self.contract.services.values():
            for setting in service.settings.values():
                found.setdefault(setting.name, []).append((service, setting))
        for model in self.contract.models.values():
            if model.switch and model.switch not in found:
                found[model.switch] = [(None, Setting(model.switch, model.base_place, allowed=(model.base,)))]
        return {name: tuple(pairs) for name, pairs in found.items()}


def _is_covered(path: str, sources: frozenset[str]) -> bool:
    """Return whether a file is a COPY source, is in one, or is matched by one that is a glob."""
    if sources & {".", "", path}:
        return True
    around = (path, *(str(parent) for parent in PurePosixPath(path).parents))
    return any(fnmatchcase(one, source) for source in sources for one in around)
