"""Python files of one repository read together: what one imports from another is known there too."""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pytest_newscreator.sources import python
from pytest_newscreator.sources._python_fields import Family
from pytest_newscreator.sources._python_text import is_telling, literals
from pytest_newscreator.sources._python_values import Elsewhere
from pytest_newscreator.sources.sites import Read, Site, SourceFile

Exports = Mapping[str, object]

# It begins with a literal, which is what makes it fast; what stands before it tells the two kinds apart.
_IMPORT = re.compile(r"import[ \t]*(?:\((?P<many>[^)]*)\)|(?<=[ \t])(?P<few>[^\n;#]+))")
_FROM = re.compile(r"[ \t]*from[ \t]+(\.*[\w.]*)[ \t]*")
_NAMES = re.compile(r"(?:\A|,)\s*([\w.]+|\*)")
_COMMENT = re.compile(r"#[^\n]*")
_DEEPEST = 50
"""How many files may hand a constant on before it counts as unknown."""
_CONSTANT = re.compile(
    r"^(?:[ \t]*(?P<upper>[A-Z][A-Z0-9_]*)|(?P<lower>\w+))(?:[ \t]*:[^=\n]+)?[ \t]*=[ \t]*[\"'\d{(f-]", re.MULTILINE
)


class Link:
    """The files that are read together, in the order of their imports: an imported file before its importers."""

    def __init__(self, sources: Sequence[SourceFile]) -> None:
        """Index the files; nothing is read yet."""
        self._sources = {source.path: source for source in sources}
        self._modules = Modules(self._sources)
        self._telling = {path for path, source in self._sources.items() if is_telling(source.text)}
        self._imports: dict[str, Mapping[str, set[str]]] = {}
        self._reads: dict[str, Read] = {}
        self._exports: dict[str, Exports] = {}
        self._early: dict[str, set[str]] = {}

    def reads(self) -> Mapping[str, Read]:
        """Read every file; those that import each other in a circle are read a second time."""
        with _without_collector():
            for path in self._sources:
                self._read_with_imports(path)
            for path, missed in self._early.items():
                if any(self._gives(other, path) or self._answers(other, path) for other in missed):
                    self._read_tree(path)
        return _each_place_once({path: self._reads[path] for path in self._sources})

    def _read_with_imports(self, path: str) -> None:
        """Read what a file imports, then the file: a walk without recursion, for import chains can be long."""
        stack = [(path, False)]
        entered: set[str] = set()
        while stack:
            path, is_expanded = stack.pop()
            if is_expanded:
                self._read(path)
            elif path not in self._reads and path not in entered:
                entered.add(path)
                stack.append((path, True))
                stack.extend((other, False) for other in reversed(list(self._imported_by(path))))

    def _imported_by(self, path: str) -> Mapping[str, set[str]]:
        """Return the files that a file imports from, found without parsing it, each with the names it asks for."""
        if path not in self._imports:
            found: dict[str, set[str]] = {}
            for other, name in self._modules.imported(path, self._sources[path].text):
                if other != path:
                    found.setdefault(other, set()).add(name)
            self._imports[path] = found
        return self._imports[path]

    def _read(self, path: str) -> None:
        """Read one file, by its tree if it tells something itself or takes something from one that does."""
        missed = {other for other in self._imported_by(path) if other not in self._reads}
        if missed:
            self._early[path] = missed
        if path in self._telling or any(self._gives(other, path) for other in self._imported_by(path)):
            self._read_tree(path)
        else:
            self._reads[path] = Read(tuple(literals(self._sources[path])))

    def _answers(self, other: str, path: str) -> bool:
        """Tell whether a file has a constant for one that has been read by its tree before."""
        asked = self._imported_by(path)[other]
        names = self._exports.get(other, {}) if path in self._exports else {}
        return any(name.partition(".")[0] in asked or "*" in asked for name in names)

    def _gives(self, other: str, path: str) -> bool:
        """Tell whether a file exports a helper, a settings class or such a thing that another one asks for."""
        asked = self._imported_by(path)[other]
        text = self._sources[path].text
        for name, value in self._exports.get(other, {}).items():
            if isinstance(value, Elsewhere) or (isinstance(value, Family) and value.kind != "settings"):
                continue
            if name.partition(".")[0] in asked or (asked & {"", "*"} and name.rpartition(".")[2] in text):
                return True
        return False

    def _has_constants(self, other: str, path: str) -> bool:
        """Tell whether a file that tells nothing by itself has a constant for another one, or hands one on."""
        asked = self._imported_by(path)[other]
        handed_on = set().union(*self._imported_by(other).values())
        if handed_on & (asked | {"*"}) or (handed_on and "*" in asked):
            return True
        here = self._sources[path].text
        for one in _CONSTANT.finditer(self._sources[other].text):
            name = one["upper"] or one["lower"]
            # A constant may be asked for by the name of its class or its module.
            if name in asked or "*" in asked or ("" in asked and name in here) or (one["upper"] and f".{name}" in here):
                return True
        return False

    def _read_tree(self, path: str, depth: int = 0) -> None:
        """Read one file by its tree, after those that it takes constants from, and keep what it exports."""
        for other in self._imported_by(path) if depth < _DEEPEST else ():
            if other not in self._exports and other in self._reads and self._has_constants(other, path):
                self._read_tree(other, depth + 1)

        def bind(imports: Sequence[ast.Import | ast.ImportFrom]) -> Exports:
            return dict(self._modules.bound(path, imports, self._exports))

        self._reads[path], self._exports[path] = python.read_tree(self._sources[path], bind)


class Modules:
    """Which file a module name means, seen from another file."""

    def __init__(self, paths: Mapping[str, object]) -> None:
        """Index the files by the ends of their module names."""
        self._paths = paths
        self._by_end: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            parts = _parts(path)
            for index in range(len(parts)):
                self._by_end["/".join(parts[index:])].append(path)

    def find(self, path: str, module: str, level: int = 0) -> str | None:
        """Return the file of a module: relative to the importer, in its nearest root, or the only one so called."""
        folders = path.split("/")[:-1]
        parts = [part for part in module.split(".") if part]
        if level:
            base = folders[: len(folders) - level + 1] if level <= len(folders) + 1 else None
            return None if base is None else self._file([*base, *parts])
        if not parts or parts[0] in sys.stdlib_module_names:
            return None
        for depth in range(len(folders), -1, -1):
            root = folders[:depth]
            is_package = "/".join([*root, "__init__.py"]) in self._paths
            found = None if is_package else self._file([*root, *parts]) or self._file([*root, "src", *parts])
            if found:
                return found
        alike = self._by_end.get("/".join(parts), []) if len(parts) > 1 else []
        return alike[0] if len(alike) == 1 else None

    def _file(self, parts: Sequence[str]) -> str | None:
        """Return the file of a module or of a package."""
        name = "/".join(parts)
        return next((path for path in (f"{name}.py", f"{name}/__init__.py".lstrip("/")) if path in self._paths), None)

    def imported(self, path: str, text: str) -> Iterator[tuple[str, str]]:
        """Yield the files that the imports of a text name, each with a name that is asked for."""
        for found in _IMPORT.finditer(text):
            head = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
            names = _NAMES.findall(_COMMENT.sub("", found["many"] or found["few"] or ""))
            origin = _FROM.fullmatch(head)
            if origin:
                module = origin[1].lstrip(".")
                yield from self._named(path, module, len(origin[1]) - len(module), names)
            elif not head.strip():
                yield from ((other, "") for name in names if (other := self.find(path, name)))

    def _named(self, path: str, module: str, level: int, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the file of a module with each name, and the files of the names that are modules themselves."""
        own = self.find(path, module, level)
        for name in names:
            if own:
                yield own, name
            inner = self.find(path, f"{module}.{name}" if module else name, level) if level or module else None
            if inner:
                yield inner, ""

    def bound(
        self, path: str, imports: Sequence[ast.Import | ast.ImportFrom], exports: Mapping[str, Exports]
    ) -> Iterator[tuple[str, object]]:
        """Yield what imports bind, under the names of the importing file."""
        for node in imports:
            for alias in node.names:
                if isinstance(node, ast.Import):
                    given = exports.get(self.find(path, alias.name) or "", {})
                    yield from ((f"{alias.asname or alias.name}.{name}", value) for name, value in given.items())
                    continue
                module = node.module or ""
                given = exports.get(self.find(path, module, node.level) or "", {})
                if alias.name == "*":
                    yield from ((name, value) for name, value in given.items() if not name.startswith("_"))
                    continue
                local = alias.asname or alias.name
                for name, value in given.items():
                    if name == alias.name or name.startswith(f"{alias.name}."):
                        yield local + name[len(alias.name) :], value
                inner = self.find(path, f"{module}.{alias.name}" if module else alias.name, node.level)
                if inner and (node.level or module):
                    yield from ((f"{local}.{name}", value) for name, value in exports.get(inner, {}).items())


def _parts(path: str) -> list[str]:
    """Return the parts of a file's module name."""
    parts = path.removesuffix(".py").split("/")
    return parts[:-1] if parts[-1] == "__init__" else parts


def _each_place_once(reads: Mapping[str, Read]) -> Mapping[str, Read]:
    """Leave out what is told already at a place: by its own file, by the file before, or as a bare literal."""
    taken = {site.place for path, read in reads.items() for site in read.sites if site.place.path != path}
    touched = {place.path for place in taken}
    told = {_told(site) for path in touched for site in reads[path].sites if site.place in taken}
    found: dict[str, Read] = {}
    for path, read in reads.items():
        kept: list[Site] = []
        for site in read.sites:
            is_foreign = site.place.path != path
            if (is_foreign and _told(site) in told) or (site.kind == "literal" and site.place in taken):
                continue
            if is_foreign:
                told.add(_told(site))
            kept.append(site)
        found[path] = read if len(kept) == len(read.sites) else replace(read, sites=tuple(kept))
    return found


def _told(site: Site) -> tuple[object, ...]:
    """Return what makes two sites one finding."""
    return (site.setting, site.place, site.kind, site.model)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the collector of cycles from walking syntax trees, which have none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
