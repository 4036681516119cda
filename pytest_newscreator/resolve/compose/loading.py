"""From files to one tree, in Compose's order: interpolate, extend, reset, include, merge, make unique."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import yaml

from pytest_newscreator.errors import ResolutionError, SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import beside, canonical
from pytest_newscreator.resolve.compose.environment import Variables, with_dotenv
from pytest_newscreator.resolve.compose.reading import Reading
from pytest_newscreator.resolve.compose.tree import Node, merge, unique, without
from pytest_newscreator.resolve.compose.tree import Path as TreePath
from pytest_newscreator.sources.sites import SourceFile
from pytest_newscreator.sources.yamlnodes import documents

_T = TypeVar("_T")
Documents = dict[str, tuple[SourceFile, tuple[yaml.Node, ...]]]
_IMPORTED = ("services", "volumes", "networks", "secrets", "configs", "models")
_LAZY_SINCE = (5, 1)
_INCLUDE_MERGES_SINCE = (5, 0)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What several invocations share: the documents of each file, and each document's tree under the same variables."""

    documents: Documents = field(default_factory=dict)
    trees: dict[object, tuple[Node, list[TreePath], list[tuple[Place, str]]]] = field(default_factory=dict)


@dataclass(slots=True)
class Files:
    """The files of one invocation: reads each once, and remembers which were read as what.

    What several invocations read is parsed once where they share `parsed`.
    """

    root: Path
    dialect: tuple[int, ...]
    parsed: Parsed = field(default_factory=Parsed)
    compose: Documents = field(default_factory=dict)
    dotenv: dict[str, SourceFile] = field(default_factory=dict)
    env_file: dict[str, SourceFile] = field(default_factory=dict)
    warnings: list[tuple[Place, str]] = field(default_factory=list)

    @property
    def lazy(self) -> bool:
        """Say whether arguments that are not taken stay unevaluated."""
        return self.dialect >= _LAZY_SINCE

    def is_file(self, path: str) -> bool:
        """Say whether `path`, relative to the root, is a file."""
        return (self.root / path).is_file()

    def source(self, path: str, missing: str, place: Place | None = None) -> SourceFile:
        """Read a file; raise ResolutionError, which says what is `missing`, where there is none."""
        try:
            text = (self.root / path).read_bytes().decode("utf-8", errors="replace")
        except OSError as error:
            message = f"{missing} {path} cannot be read ({error.strerror}), should exist"
            raise ResolutionError(
                message, place=place or Place(path), fix=f"create {path}, or mend the path"
            ) from error
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


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads the files of one project, or of one `include`: they share a directory and the variables."""

    files: Files
    directory: str
    variables: Variables
    including: tuple[str, ...] = ()

    def model(self, paths: Sequence[str], place: Place | None = None) -> Node:
        """Return the merged tree of several files, later ones over earlier ones; raises ResolutionError."""
        model = Node({}, Place(paths[0]))
        for path in paths:
            model, _ = self.file(path, model, place, is_base=False)
        return self.with_contexts(model)

    def file(self, path: str, model: Node, place: Place | None, *, is_base: bool) -> tuple[Node, list[TreePath]]:
        """Merge the documents of one file onto `model`; also return what the last one resets."""
        source, roots = self.files.documents(path, place)
        resets: list[TreePath] = []
        for index, root in enumerate(roots):
            tree, resets = self.tree(source, index, root)
            tree = tree if is_base else self.included(self.extended(tree, path, resets), path)
            model = unique(merge(without(model, resets), tree))
        return model, resets

    def tree(self, source: SourceFile, index: int, root: yaml.Node) -> tuple[Node, list[TreePath]]:
        """Return the tree of one document, interpolated and canonical, and what it resets; made once."""
        known, unread = (tuple(part.items()) for part in (self.variables.known, self.variables.unread))
        key = source.path, index, self.directory, self.files.lazy, known, unread
        trees = self.files.parsed.trees
        if key not in trees:
            reading = Reading(source, self.variables, self.files.lazy, [])
            made = canonical(reading.document(root), self.files.root, self.directory)
            trees[key] = made, reading.resets, reading.warnings
        made, resets, warnings = trees[key]
        self.files.warnings.extend(warnings)
        return made, list(resets)

    def extended(self, tree: Node, path: str, resets: list[TreePath]) -> Node:
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
        resets: list[TreePath],
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
        base_name, base_file = _extends(extends)
        above = (*above, (path, name))
        if base_file is None:
            base = self.base(base_name, services, path, extends, resets, above)
        else:
            found = beside(self.files.root, self.directory, base_file)
            beyond = replace(self, directory=posixpath.dirname(found) or ".")
            loaded, base_resets = beyond.file(found, Node({}, Place(found)), extends.place, is_base=True)
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
        resets: list[TreePath],
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
        paths = [
            beside(root, self.directory, path) for path in _texts(entry if entry.text else entry.children.get("path"))
        ]
        if not paths:
            raise ResolutionError("this include has no path, should name a file", place=entry.place, fix="add `path:`")
        circle = next((path for path in paths if path in including), None)
        if circle is not None:
            message = f"{circle} includes itself by way of others, should end somewhere"
            raise ResolutionError(message, place=entry.place, fix="break the circle")
        project = _texts(entry.children.get("project_directory"))
        directory = beside(root, self.directory, project[0]) if project else posixpath.dirname(paths[0]) or "."
        env_files = [beside(root, self.directory, path) for path in _texts(entry.children.get("env_file"))]
        own = posixpath.normpath(posixpath.join(directory, ".env"))
        env_files = env_files or ([own] if self.files.is_file(own) else [])
        variables = self.files.layered(self.variables, env_files, entry.place)
        return Loader(self.files, directory, variables, including).model(paths, entry.place)

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


def _texts(node: Node | None) -> list[str]:
    if node is None:
        return []
    return (
        [node.text]
        if node.text is not None
        else [element.text for element in node.elements if element.text is not None]
    )
