"""A .dockerignore keeps from the builder what Docker keeps from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.docker.dockerignore import Ignore

paths = st.lists(st.from_regex(r"[a-z]{1,4}(\.[a-z]{1,3})?", fullmatch=True), min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("text", "path", "excluded"),
    [
        ("Modelfile.*", "Modelfile.gemma3-4b-16k", True),
        ("Modelfile.*", "sub/Modelfile.x", False),
        ("**/Modelfile.*", "sub/deep/Modelfile.x", True),
        ("**/Modelfile.*", "Modelfile.x", True),
        ("app", "app/main.py", True),
        ("app/", "app/main.py", True),
        ("/app", "app", True),
        ("app/*", "app/tests/a.py", True),
        ("app/*.py", "app/tests/a.py", False),
        ("app/**/a.py", "app/x/y/a.py", True),
        ("app/**/a.py", "app/a.py", True),
        ("app/**", "app", False),
        ("*", "anything/below", True),
        ("**", "a", True),
        ("*.md", "README.md", True),
        ("*.md", "docs/a.md", False),
        ("fil?.txt", "file.txt", True),
        ("fil?.txt", "fil/.txt", False),
        ("[a-c].txt", "b.txt", True),
        ("[^a-c].txt", "b.txt", False),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("./app/../lib", "lib/x", True),
        ("  spaced  ", "spaced", True),
        ("# app", "app", False),
        ("", "app", False),
        ("a.b", "axb", False),
        ("app", "application", False),
        ("app", "./app/x", True),
    ],
)
def test_a_pattern_excludes_what_docker_excludes(text: str, path: str, excluded: bool) -> None:
    """`*` stops at a folder, `**` does not, and a folder takes what is in it with it."""
    assert Ignore.parse(text).excludes(path) is excluded


@pytest.mark.parametrize(
    ("text", "path", "excluded"),
    [
        ("*\n!entrypoint.sh", "entrypoint.sh", False),
        ("*\n!entrypoint.sh", "other.sh", True),
        ("!a.md\n*.md", "a.md", True),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("*.md\n!README*.md\nREADME-secret.md", "README.md", False),
        ("app\n!app/keep", "app/keep/x", False),
        ("*\n! app", "app/main.py", False),
    ],
)
def test_the_last_pattern_that_matches_decides(text: str, path: str, excluded: bool) -> None:
    """An exclamation mark brings back, a later pattern may take away again."""
    assert Ignore.parse(text).excludes(path) is excluded


def test_the_deciding_line_can_be_named() -> None:
    """A finding points at the line of the .dockerignore that hides the file."""
    decider = Ignore.parse("# tests\n\nModelfile.*\n*.py\n").decider("Modelfile.x")
    assert decider is not None
    assert (decider.line, decider.column, decider.text) == (3, 1, "Modelfile.*")


@pytest.mark.parametrize(
    ("text", "place"), [("*.py\n  Model*\n", (2, 3)), ("Model*\n!*.x\nModelfile.?\n", (3, 1)), ("Model*\n!*.x\n", None)]
)
def test_only_a_line_that_hides_is_to_blame(text: str, place: tuple[int, int] | None) -> None:
    """The last one that matches, unless it brings back."""
    pattern = Ignore.parse(text).hides("Modelfile.x")
    assert (pattern and (pattern.line, pattern.column)) == place


@pytest.mark.parametrize(("text", "brings_back"), [("a\n!b\n", True), ("a\nb!\n", False), ("# !a\n", False)])
def test_that_anything_comes_back_is_known(text: str, brings_back: bool) -> None:
    """Only then a hidden folder may still have files."""
    assert Ignore.parse(text).brings_back is brings_back


def test_a_pattern_that_is_none_hides_nothing() -> None:
    """An open bracket or a lone exclamation mark does not break the others."""
    ignore = Ignore.parse("!\n[z-a]\n[open\napp\n")
    assert ignore.excludes("app")
    assert not ignore.excludes("z")


@given(path=paths, text=st.lists(paths, max_size=4).map("\n".join))
def test_a_last_exception_always_brings_back(path: str, text: str) -> None:
    """Whatever stands before it."""
    assert not Ignore.parse(f"{text}\n!{path}").excludes(path)


@given(path=paths, below=paths)
def test_what_is_hidden_hides_everything_below(path: str, below: str) -> None:
    """A folder that does not reach the builder has no files there."""
    assert Ignore.parse(path).excludes(f"{path}/{below}")


@given(st.text(alphabet="a*?[]!\\/.^-#", max_size=12), paths)
def test_no_pattern_breaks_the_parser(text: str, path: str) -> None:
    """Each answer is a plain yes or no."""
    assert Ignore.parse(text).excludes(path) in {True, False}
