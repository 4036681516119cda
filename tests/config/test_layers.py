"""Who may import whom: data flows one way, and pytest is used by its public names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_newscreator

PACKAGE = Path(pytest_newscreator.__file__).parent
ORDER: tuple[frozenset[str], ...] = (
    frozenset({"frozen"}),
    frozenset({"places", "errors"}),
    frozenset({"verdicts", "standin", "data"}),
    frozenset({"contract", "sources"}),
    frozenset({"resolve"}),
    frozenset({"stack"}),
    frozenset({"observe"}),
    frozenset({"measure"}),
    frozenset({"checks"}),
    frozenset({"activation", "report", "collect", "session", "fixtures", "plugin", "hookspecs", "migrate", "cli"}),
)
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}
MOST_LINES = 400
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]


def part_of(path: Path) -> str:
    """Return the part of the package that a file belongs to: its folder, or its own name at the top."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def is_type_checking(node: ast.AST) -> bool:
    """Return whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imported(tree: ast.AST, *, types: bool) -> Iterator[str]:
    """Yield the modules that a file imports, at any depth; without `types`, not those for the type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif types or not is_type_checking(node):
            yield from imported(node, types=types)


def parts_imported(path: Path) -> set[str]:
    """Return the parts of the package that a file imports; `hookspecs` may name types of any."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [name.split(".") for name in imported(tree, types=path.name != "hookspecs.py")]
    parts = {name[1] for name in names if name[0] == "pytest_newscreator" and len(name) > 1}
    return {part for part in parts if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_module_imports_only_from_the_left(path: Path) -> None:
    """A finding cannot reach back into how it was observed, nor a reader into what is right."""
    part = part_of(path)
    if part == "__init__":
        assert not parts_imported(path)
        return
    right = {other for other in parts_imported(path) if RANK[other] > RANK[part]}
    siblings = {other for other in parts_imported(path) if RANK[other] == RANK[part] and other != part}
    allowed = {
        "activation",
        "collect",
        "session",
        "fixtures",
        "plugin",
        "hookspecs",
        "report",
        "migrate",
        "places",
        "errors",
    }
    assert not right
    assert siblings <= allowed


def test_every_part_has_its_rank() -> None:
    """A new folder must say where it stands."""
    parts = {part_of(path) for path in FILES} - {"__init__"}
    assert parts <= set(RANK)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_is_taken_from_inside_pytest(path: Path) -> None:
    """`_pytest` changes without notice."""
    names = imported(ast.parse(path.read_text(encoding="utf-8")), types=True)
    assert not [name for name in names if name.split(".")[0] == "_pytest"]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_module_is_one_idea(path: Path) -> None:
    """Beyond 400 lines it is two."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_a_wrong_import_would_be_seen(tmp_path: Path) -> None:
    """The tests above can fail: an import inside a function counts, relative to its part."""
    file = tmp_path / "late.py"
    file.write_text("def f():\n    from pytest_newscreator.checks import source\n", encoding="utf-8")
    assert parts_imported(file) == {"checks"}
