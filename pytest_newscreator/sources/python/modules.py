"""Which file of the repository a module of Python is, and what the imports of a file bind."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

# It begins with a literal, which is what makes it fast; what stands before it tells the two kinds apart.
_IMPORT = re.compile(r"import[ \t]*(?:\((?P<many>[^)]*)\)|(?<=[ \t])(?P<few>[^\n;#]+))")
_FROM = re.compile(r"[ \t]*from[ \t]+(\.*[\w.]*)[ \t]*")
_NAMES = re.compile(r"(?:\A|,)\s*([\w.]+|\*)")
_COMMENT = re.compile(r"#[^\n]*")


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

    def bindings(self, path: str, imports: Sequence[ast.Import | ast.ImportFrom]) -> Iterator[tuple[str, str, str]]:
        """Yield what imports bind: a name of the importing file (`*` for all), the file, and the name there."""
        for node in imports:
            for alias in node.names:
                if isinstance(node, ast.Import):
                    other = self.find(path, alias.name)
                    if other:
                        yield alias.asname or alias.name, other, ""
                    continue
                module, local = node.module or "", alias.asname or alias.name
                other = self.find(path, module, node.level)
                if other:
                    yield (local, other, alias.name) if alias.name != "*" else ("*", other, "")
                is_inner = alias.name != "*" and bool(node.level or module)
                name = f"{module}.{alias.name}" if module else alias.name
                inner = self.find(path, name, node.level) if is_inner else None
                if inner:
                    yield local, inner, ""


def _parts(path: str) -> list[str]:
    """Return the parts of a file's module name."""
    parts = path.removesuffix(".py").split("/")
    return parts[:-1] if parts[-1] == "__init__" else parts
