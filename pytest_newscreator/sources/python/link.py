"""Python files of one repository read together: what one imports from another is known there too."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_newscreator.sources.python import reader as python
from pytest_newscreator.sources.python.bound import Bound, Exports
from pytest_newscreator.sources.python.modules import Modules
from pytest_newscreator.sources.python.text import is_telling, literals
from pytest_newscreator.sources.sites import Read, Site, SourceFile

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
        """Read every file, and again what asked in vain for something that a circle of imports gives later."""
        for path in self._sources:
            self._read_with_imports(path)
        for path, missed in self._early.items():
            self._read_asked(path, missed)
        for path in self._sources:
            missed = self._early.get(path, set())
            if any(self._gives(other, path) for other in missed) or self._is_answered(path):
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

    def _read_asked(self, path: str, missed: set[str]) -> None:
        """Read by their trees those that have a constant for a file that was read before them."""
        if path in self._exports:
            for other in sorted(missed):
                if other not in self._exports and self._has_constants(other, path):
                    self._read_tree(other)

    def _is_answered(self, path: str) -> bool:
        """Tell whether a file that was read by its tree before would now find a constant that it asked for."""
        return path in self._exports and self._exports[path].bound.is_answered_now()

    def _gives(self, other: str, path: str) -> bool:
        """Tell whether a file exports a helper, a settings class or such a thing that another one asks for."""
        if other not in self._exports:
            return False
        asked = self._imported_by(path)[other]
        text = self._sources[path].text
        return any(
            name.partition(".")[0] in asked or (not asked.isdisjoint({"", "*"}) and name.rpartition(".")[2] in text)
            for name in self._exports[other].things
        )

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

        def bind(imports: Sequence[ast.Import | ast.ImportFrom]) -> Bound:
            return Bound(self._exports, tuple(self._modules.bindings(path, imports)))

        self._reads[path], self._exports[path] = python.read_tree(self._sources[path], bind)


def _each_place_once(reads: Mapping[str, Read]) -> Mapping[str, Read]:
    """Leave out what is told already at a place: by its own file, by the file before, or as a bare literal."""
    taken = {site.place for path, read in reads.items() for site in read.sites if site.place.path != path}
    if not taken:
        return reads
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
