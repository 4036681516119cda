"""From files to one tree, in Compose's order: interpolate, extend, reset, include, merge, make unique."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import yaml

from pytest_newscreator.errors import ResolutionError, SourceError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import beside, canonical
from pytest_newscreator.resolve.compose.environment import Variables, with_dotenv
from pytest_newscreator.resolve.compose.memory import Memory
from pytest_newscreator.resolve.compose.reading import Reading
from pytest_newscreator.resolve.compose.tree import Node, Reset, merge, unique, without
from pytest_newscreator.resolve.compose.tree import Path as TreePath
from pytest_newscreator.sources import bounds
from pytest_newscreator.sources.bounds import DEEPEST
from pytest_newscreator.sources.sites import SourceFile
from pytest_newscreator.sources.yamlnodes import documents

if TYPE_CHECKING:
    from pytest_newscreator.resolve.compose.services import ComposeService

_T = TypeVar("_T")
Documents = dict[str, tuple[SourceFile, tuple[yaml.Node, ...]]]
_IMPORTED = ("services", "volumes", "networks", "secrets", "configs", "models")
_LAZY_SINCE = (5, 1)
_INCLUDE_MERGES_SINCE = (5, 0)
_MOST_INCLUDED = 500
_OUTSIDE = (
    "is outside the repository, should be a file in it: nobody else has what this machine has there",
    "copy it into the repository, or move newscreator.yaml to a folder above both",
)


NamedAt = Callable[[str], Place | None]
"""Where a file of the command line is named, None where nothing names it."""


def nowhere(_path: str) -> None:
    """Tell of no file where it is named."""


@frozen
class Parsed:
    """What several invocations share: the documents of each file, and what the same variables make of their parts.

    `canonical` are documents and services in canonical form, `services` what was made of one, both by the identity of
    the node they were made of, which stands beside them and so lives as long as its identity is used.
    """

    documents: Documents = field(default_factory=dict)
    memories: dict[bool, Memory] = field(default_factory=dict)
    canonical: dict[tuple[int, str], tuple[Node, Node]] = field(default_factory=dict)
    services: dict[tuple[int, str], tuple[Node, ComposeService]] = field(default_factory=dict)


@dataclass(slots=True)
class Files:
    """The files of one invocation: reads each once, and remembers which were read as what.

    What several invocations read is parsed once where they share `parsed`.
    """

    root: Path
    dialect: tuple[int, ...]
    parsed: Parsed = field(default_factory=Parsed)
    named_at: NamedAt = nowhere
    compose: Documents = field(default_factory=dict)
    dotenv: dict[str, SourceFile] = field(default_factory=dict)
    env_file: dict[str, SourceFile] = field(default_factory=dict)
    warnings: list[tuple[Place, str]] = field(default_factory=list)
    included: int = 0

    @property
    def lazy(self) -> bool:
        """Say whether arguments that are not taken stay unevaluated."""
        return self.dialect >= _LAZY_SINCE

    def exists(self, path: str) -> bool:
        """Say whether anything is at `path`, relative to the root: Compose refuses what it cannot read there."""
        return bounds.exists(self.root, path, folders=True)

    def is_file(self, path: str) -> bool:
        """Say whether `path`, relative to the root, is a file, or at least no folder."""
        return bounds.exists(self.root, path)

    def source(self, path: str, missing: str, place: Place | None = None) -> SourceFile:
        """Read a file; raise ResolutionError, which says what is `missing`, where there is none."""
        place = place or self.named_at(path) or Place(path)
        fault = bounds.fault(self.root, path)
        if bounds.is_outside(self.root, path):
            fault = _OUTSIDE
        if fault is not None:
            raise ResolutionError(f"{missing} {path} {fault[0]}", place=place, fix=fault[1])
        try:
            text = (self.root / path).read_bytes().decode("utf-8", errors="replace")
        except OSError as error:
            message = f"{missing} {path} cannot be read ({error.strerror}), should exist"
            raise ResolutionError(message, place=place, fix=f"create {path}, or mend the path") from error
        return SourceFile(path, text)

    def documents(self, path: str, place: Place | None = None) -> tuple[SourceFile, tuple[yaml.Node, ...]]:
        """Return a Compose file and its documents; raise ResolutionError where Compose could not load it."""
        if path not in self.compose:
            if path not in self.parsed.documents:
                source = self.source(path, "the Compose file", place)
                source = SourceFile(path, source.text.removeprefix("\ufeff"))
                self.parsed.documents[path] = (source, refused(lambda: documents(source)))
            self.compose[path] = self.parsed.documents[path]
        return self.compose[path]

    def layered(self, variables: Variables, paths: Sequence[str], place: Place | None = None) -> Variables:
        """Return `variables` with dotenv files below them."""
        for path in paths:
            if path not in self.dotenv:
                self.dotenv[path] = self.source(path, "the dotenv file", place)
        return refused(lambda: with_dotenv(variables, [self.dotenv[path] for path in paths], lazy=self.lazy))


def refused(read: Callable[[], _T]) -> _T:
    """Turn what a reader says into what Compose would do: refuse the project."""
    try:
        return read()
    except SourceError as error:
        raise ResolutionError(error.message, place=error.place, fix=error.fix) from error


@frozen
class Loader:
    """Loads the files of one project, or of one `include`: they share a directory and the variables."""

    files: Files
    directory: str
    variables: Variables
    including: tuple[str, ...] = ()

    def model(self, paths: Sequence[str], places: Sequence[Place | None] = ()) -> Node:
        """Return the merged tree of several files, later ones over earlier ones; raises ResolutionError.

        `places` are those that name the files, where a file does.
        """
        model = Node({}, Place(paths[0]))
        for path, place in zip_longest(paths, places):
            model, _ = self.file(path, model, place, is_base=False)
        return self.with_contexts(model)

    def file(self, path: str, model: Node, place: Place | None, *, is_base: bool) -> tuple[Node, list[Reset]]:
        """Merge the documents of one file onto `model`; also return what the last one resets."""
        source, roots = self.files.documents(path, place)
        resets: list[Reset] = []
        for root in roots:
            tree, resets = self.tree(source, root)
            tree = tree if is_base else self.included(self.extended(tree, path, resets), path)
            model = unique(merge(without(model, resets), tree))
        return model, resets

    def tree(self, source: SourceFile, root: yaml.Node) -> tuple[Node, list[Reset]]:
        """Return the tree of one document, interpolated and canonical, and what it resets."""
        memory = self.files.parsed.memories.setdefault(self.files.lazy, {})
        reading = Reading(source, self.variables, self.files.lazy, self.files.warnings, memory=memory)
        return self.canonical(reading.document(root)), reading.resets

    def canonical(self, document: Node) -> Node:
        """Return a document in canonical form; what was read once is made canonical once, and stays the same node."""
        known = self.files.parsed.canonical
        if (id(document), self.directory) not in known:
            made = canonical(document, self.files.root, self.directory)
            before, after = _services(document), _services(made)
            content = {
                name: known.setdefault((id(before[name]), self.directory), (before[name], service))[1]
                for name, service in after.items()
            }
            services = made.children.get("services")
            made = made if services is None else made.with_child("services", replace(services, content=content))
            known[id(document), self.directory] = document, made
        return known[id(document), self.directory][1]

    def extended(self, tree: Node, path: str, resets: list[Reset]) -> Node:
        """Return a document with `extends` carried out."""
        services = tree.children.get("services")
        if services is None or not services.children:
            return tree
        content = dict(services.children)
        for name in tuple(content):
            content[name] = self.extend(name, content, path, resets, ())
        return tree.with_child("services", replace(services, content=content))

    def extend(
        self,
        name: str,
        services: Mapping[str, Node],
        path: str,
        resets: list[Reset],
        above: tuple[tuple[str, str], ...],
    ) -> Node:
        """Return one service merged onto the one it extends."""
        service = services[name]
        extends = service.children.get("extends")
        if extends is None or extends.content is None:
            return service
        if (path, name) in above:
            message = f"service {name} extends itself by way of others, should end somewhere"
            raise ResolutionError(message, place=extends.place, fix="break the circle")
        if len(above) > DEEPEST:
            message = f"services extend each other more than {DEEPEST} levels deep, should be flat"
            raise ResolutionError(message, place=extends.place, fix="extend one of the last services directly")
        base_name, base_file = _extends(extends)
        above = (*above, (path, name))
        if base_file is None:
            base = self.base(base_name, services, path, extends, resets, above)
        else:
            found = beside(self.files.root, self.directory, base_file)
            beyond = replace(self, directory=posixpath.dirname(found) or ".")
            named = extends.children["file"].place
            loaded, base_resets = beyond.file(found, Node({}, Place(found)), named, is_base=True)
            base = beyond.base(base_name, _services(loaded), found, extends, base_resets, above)
        if base.content is None:
            return service
        at: TreePath = ("services", name)
        merged = merge(without(base, resets, at), service, at)
        kept = {key: child for key, child in merged.children.items() if key != "extends"}
        return replace(merged, content=kept, place=service.place)

    def base(  # noqa: PLR0913, PLR0917 - where to look, and for what
        self,
        name: str,
        services: Mapping[str, Node],
        path: str,
        extends: Node,
        resets: list[Reset],
        above: tuple[tuple[str, str], ...],
    ) -> Node:
        """Return the service that another one extends; raise ResolutionError where there is none."""
        if name not in services:
            message = f"extends names the service {name}, which {path} does not have; should name one of its services"
            raise ResolutionError(message, place=extends.place, fix="mend the name, or say in which `file:` it is")
        return self.extend(name, services, path, resets, above)

    def included(self, tree: Node, path: str) -> Node:
        """Return a document with what it includes added; raise ResolutionError for conflicts and circles."""
        include = tree.children.get("include")
        tree = replace(tree, content={name: child for name, child in tree.children.items() if name != "include"})
        for entry in include.elements if include else ():
            tree = self.imported(tree, self.include(entry, (*self.including, path)))
        return tree

    def include(self, entry: Node, including: tuple[str, ...]) -> Node:
        """Return the model of one `include` entry, loaded with its own directory and variables."""
        root = self.files.root
        named = _named(entry if entry.text else entry.children.get("path"))
        paths = [beside(root, self.directory, text) for text, _ in named]
        if not paths:
            raise ResolutionError("this include has no path, should name a file", place=entry.place, fix="add `path:`")
        circle = next((path for path in paths if path in including), None)
        self.files.included += len(paths)
        if self.files.included > _MOST_INCLUDED or len(including) > DEEPEST:
            message = f"more than {_MOST_INCLUDED} files are included, should be fewer"
            if len(including) > DEEPEST:
                message = f"files include each other more than {DEEPEST} levels deep, should be flat"
            raise ResolutionError(message, place=named[0][1], fix="include each file once")
        if circle is not None:
            message = f"{circle} includes itself by way of others, should end somewhere"
            raise ResolutionError(message, place=entry.place, fix="break the circle")
        project = _named(entry.children.get("project_directory"))
        directory = beside(root, self.directory, project[0][0]) if project else posixpath.dirname(paths[0]) or "."
        given = _named(entry.children.get("env_file"))
        env_files = [beside(root, self.directory, path) for path, _ in given]
        own = posixpath.normpath(posixpath.join(directory, ".env"))
        env_files = env_files or ([own] if self.files.is_file(own) else [])
        variables = self.files.layered(self.variables, env_files, given[0][1] if given else entry.place)
        return Loader(self.files, directory, variables, including).model(paths, [place for _, place in named])

    def imported(self, tree: Node, model: Node) -> Node:
        """Return a document with the resources of an included model added."""
        for kind in _IMPORTED:
            for name, resource in model.children.get(kind, model).children.items() if kind in model.children else ():
                own = tree.children.get(kind) or Node({}, resource.place)
                present = own.children.get(name)
                if present is not None:
                    resource = self.conflict(resource, present, (kind, name))  # noqa: PLW2901
                own = replace(own, content={**own.children, name: resource})
                tree = tree.with_child(kind, own)
        return tree

    def conflict(self, imported: Node, own: Node, at: TreePath) -> Node:
        """Return what becomes of a resource that is included and declared: an error up to Compose 2, merged from 5."""
        if imported.value == own.value:
            return imported
        if self.files.dialect >= _INCLUDE_MERGES_SINCE:
            return merge(imported, own, at)
        message = f"{'.'.join(at)} is declared here and in {imported.place.path}, which is included; should be in one"
        raise ResolutionError(message, place=own.place, fix="rename one, or override it in a file given by -f")

    def with_contexts(self, model: Node) -> Node:
        """Return the model with each build context that is left out set to the directory of its project."""
        services = model.children.get("services")
        if services is None or not services.children:
            return model
        content = dict(services.children)
        for name, service in content.items():
            build = service.children.get("build")
            if build is not None and isinstance(build.content, dict) and "context" not in build.children:
                context = Node(posixpath.normpath(self.directory), build.place)
                content[name] = service.with_child("build", build.with_child("context", context))
        return model.with_child("services", replace(services, content=content))


def _services(model: Node) -> Mapping[str, Node]:
    services = model.children.get("services")
    return services.children if services is not None else {}


def _extends(node: Node) -> tuple[str, str | None]:
    if node.text is not None:
        return node.text, None
    service, file = node.children.get("service"), node.children.get("file")
    if service is None or service.text is None:
        raise ResolutionError("extends has no service, should name one", place=node.place, fix="add `service:`")
    return service.text, file.text if file is not None else None


def _named(node: Node | None) -> list[tuple[str, Place]]:
    """Return the text or texts of a node, each with its place."""
    if node is None:
        return []
    elements = (node,) if node.text is not None else node.elements
    return [(element.text, element.place) for element in elements if element.text is not None]
