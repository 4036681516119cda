"""One long line hides nothing but itself, and what may hide something says so."""

from __future__ import annotations

import pytest

from pytest_newscreator.sources import registry
from pytest_newscreator.sources.sites import Read, SourceFile

DATA = "A" * 6000
MINIFIED = "a=1;" * 2000


def read(path: str, text: str) -> Read:
    """Read one file by all readers."""
    return registry.read(SourceFile(path, text), registry.readers())


@pytest.mark.parametrize(
    ("path", "text", "place"),
    [
        ("a.ts", f"const image = '{DATA}';\nexport const m = process.env.LLM_MODEL ?? 'gemma3:4b'\n", "2:44"),
        ("a.ts", f"const image = '{DATA}', m = process.env.LLM_MODEL ?? 'gemma3:4b'\n", "1:6049"),
        ("a.js", f"{MINIFIED}\nconst m = process.env.LLM_MODEL ?? 'gemma3:4b'\n", "2:37"),
        ("a.go", f'package m\nvar a = "{DATA}"\nvar m = os.Getenv("LLM_MODEL", "gemma3:4b")\n', "3:33"),
        ("a.json", f'{{"a": "{DATA}",\n"LLM_MODEL": "gemma3:4b"}}\n', "2:15"),
        ("a.json", f'{{"a": [{"1, " * 3000}1], "LLM_MODEL": "gemma3:4b"}}\n', "1:9026"),
        ("a.yaml", f'a: "{DATA}"\nLLM_MODEL: gemma3:4b\n', "2:12"),
        ("a.toml", f'a = "{DATA}"\nLLM_MODEL = "gemma3:4b"\n', "2:14"),
        ("a.ts", f"const x = {'[' * 9000}{']' * 9000};\nconst m = {{LLM_MODEL: 'gemma3:4b'}}\n", "2:24"),
        ("a.json", f'{{"a": {"[" * 9000}{"]" * 9000},\n"b": "gemma3:4b"}}\n', "2:7"),
        ("a.toml", f'a = {"[" * 9000}{"]" * 9000}\nLLM_MODEL = "gemma3:4b"\n', "2:14"),
    ],
)
def test_what_stands_beside_a_long_line_is_found(path: str, text: str, place: str) -> None:
    """Data in a string, a line that a program wrote, brackets without an end."""
    found = read(path, text)
    assert (place, ()) in [
        (f"{site.place.line}:{site.place.column}", found.problems) for site in found.sites if site.value == "gemma3:4b"
    ]


@pytest.mark.parametrize("line", [f"f(process.env.LLM_MODEL);{MINIFIED}", f'const m="gemma3:4b";{MINIFIED}'])
def test_a_line_that_is_left_out_is_told(line: str) -> None:
    """A bundle is nobody's source; what it may hold is not verified, at its line."""
    found = read("a.js", f"// a\n{line}\n")
    ((place, message),) = found.problems
    assert (str(place), found.sites) == ("a.js:2:1", ())
    assert message == f"one line of {len(line):,} characters is not read, its defaults and literals are not known"


def test_a_line_that_cannot_matter_is_left_out_in_silence() -> None:
    """There is nothing to verify in it."""
    assert read("a.js", f"// model\n{MINIFIED}\n") == Read()


def test_brackets_too_deep_for_yaml_are_a_problem() -> None:
    """What the rest says is read by its lines."""
    found = read("a.yaml", f"a: {'[' * 5000}{']' * 5000}\nb: gemma3:4b\n")
    assert [site.value for site in found.sites if site.setting == "b"] == ["gemma3:4b"]
    assert [(place.line, "200 levels" in message) for place, message in found.problems] == [(1, True)]
