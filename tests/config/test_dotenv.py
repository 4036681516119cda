"""Dotenv files read as Docker Compose reads them, with places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources.dotenv import READER, is_dotenv, read_entries, read_raw_entries
from pytest_newscreator.sources.sites import Site, SourceFile

TRUTH = Path(__file__).parents[3] / "shared" / "truth" / "dotenv.json"
TABLE = json.loads(TRUTH.read_text(encoding="utf-8")) if TRUTH.exists() else {"env": {}, "cases": []}


def values(text: str, **variables: str) -> dict[str, str]:
    """Return the values in `text` with exactly `variables` known outside."""
    entries = read_entries(SourceFile("a.env", text), variables.get)
    return {entry.name: entry.value for entry in entries if entry.value is not None}


@pytest.mark.skipif(not TABLE["cases"], reason="shared/truth/dotenv.json is not here")
@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: repr(case["file"]))
def test_a_file_gives_the_values_that_compose_reads(case: dict[str, object]) -> None:
    """Every row of the truth table: the same variables, or an error on both sides."""
    if case["status"] == "err":
        with pytest.raises(SourceError):
            values(str(case["file"]), **TABLE["env"])
    else:
        assert values(str(case["file"]), **TABLE["env"]) == case["value"]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("A=b", 1, 3),
        ("# c\n\nexport  A = b # x", 3, 13),
        ('A="b"', 1, 4),
        ("X='1\n2'\nA: 'b'", 3, 5),
        ("\ufeffA=b", 1, 3),
        ("X=1\r\nA=b\r\n", 2, 3),
    ],
)
def test_the_place_of_a_value_is_its_first_character(text: str, line: int, column: int) -> None:
    """Inside the quotes, behind blanks and `export`, whatever came before."""
    entry = read_entries(SourceFile("a.env", text))[-1]
    assert (entry.value, entry.place) == ("b", Place("a.env", line, column))


def test_the_place_of_a_default_survives_escapes() -> None:
    """Escapes shorten the value, not the file."""
    text = r'A="\t\"${X:-d}"'
    entry = read_entries(SourceFile("a.env", text))[0]
    expansion = next(entry.template.expansions()) if entry.template else None
    assert expansion is not None
    assert expansion.argument is not None
    assert entry.locate(expansion.argument.start).column == text.index("d}") + 1


def test_the_lookup_beats_values_of_the_file() -> None:
    """The shell wins in expansions too."""
    assert values("A=file\nB=$A", A="shell") == {"A": "file", "B": "shell"}


def test_an_error_names_its_place() -> None:
    """A bad line is found by line and column."""
    with pytest.raises(SourceError) as raised:
        values("A=1\nB$=2")
    assert raised.value.place == Place("a.env", 2, 2)


def test_the_raw_format_takes_values_as_they_stand() -> None:
    """No quotes, no comments, no expansion; a bare name asks outside."""
    entries = read_raw_entries(SourceFile("a.env", "#c\nA='x' # $B \n  B\nC"), {"B": "out"}.get)
    assert [(entry.name, entry.value) for entry in entries] == [("A", "'x' # $B "), ("B", "out"), ("C", None)]


def test_the_reader_goes_on_after_a_bad_line() -> None:
    """A template with a hint in it still shows its defaults."""
    read = READER.read(SourceFile(".env.example", "<fill in>\nMODEL=gemma3:4b\n"))
    assert read.sites == (Site("MODEL", "gemma3:4b", Place(".env.example", 2, 7), "dotenv"),)
    assert [place for place, _ in read.problems] == [Place(".env.example", 1, 1)]


def test_the_reader_reports_the_default_inside_a_value() -> None:
    """`A=${B:-d}` is one default, of B and handed on as A."""
    sites = READER.read(SourceFile(".env", "A=${B:-d}")).sites
    assert sites == (Site("B", "d", Place(".env", 1, 8), "dotenv", into="A"),)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".env", True),
        ("a/.env.production", True),
        ("a/gpu.env", True),
        ("env.example", True),
        ("app.env.dist", True),
        ("deploy/env.j2", True),
        ("app.env.tmpl", True),
        (".envrc", False),
        ("environment", False),
        ("env/readme.example", False),
    ],
)
def test_dotenv_files_are_known_by_their_names(path: str, expected: bool) -> None:
    """Templates count, direnv's files do not."""
    assert is_dotenv(path) is expected


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,5}", fullmatch=True), st.text(st.characters(codec="utf-8"))))
def test_single_quoted_values_survive_any_text(variables: dict[str, str]) -> None:
    """Only the quote itself, and a backslash before it, need care."""
    plain = {name: text.replace("\\", "").replace("'", "") for name, text in variables.items()}
    assert values("".join(f"{name}='{text}'\n" for name, text in plain.items())) == plain
