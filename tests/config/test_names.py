"""Model names mean what Ollama takes them to mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.ollama import names

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth" / "names.json"
ROWS: list[dict[str, Any]] = json.loads(TRUTH.read_text("utf-8"))["cases"] if TRUTH.exists() else []

needs_truth = pytest.mark.skipif(not ROWS, reason="shared/truth/names.json is not beside this checkout")
each_row = pytest.mark.parametrize("row", ROWS, ids=[repr(row["s"])[:60] for row in ROWS])

part = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True)
namespace = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,12}", fullmatch=True)
valid = st.one_of(
    part,
    st.builds("{}:{}".format, part, part),
    st.builds("{}/{}:{}".format, namespace, part, part),
    st.builds("{}/{}/{}:{}".format, part, namespace, part, part),
)
anything = st.one_of(valid, st.text(alphabet="aB3:/._-@ \u65e5", max_size=20))


@needs_truth
@each_row
def test_a_name_is_valid_where_ollama_says_so(row: dict[str, Any]) -> None:
    """Validity agrees with Ollama's own package."""
    assert names.parse(row["s"]).is_valid is row["valid"]


@needs_truth
@each_row
def test_a_valid_name_has_the_parts_that_ollama_gives_it(row: dict[str, Any]) -> None:
    """Host, namespace, model and tag agree, defaults filled in (the table says nothing for invalid names)."""
    name = names.parse(row["s"])

    if row["valid"]:
        assert (name.host, name.namespace, name.model, name.tag) == (row["host"], row["ns"], row["model"], row["tag"])
    assert name.full == row["str"]


@needs_truth
@each_row
def test_the_short_and_the_bare_form_are_those_of_ollama(row: dict[str, Any]) -> None:
    """What `ollama list` prints, and what stands there without defaults."""
    assert (names.parse(row["s"]).short, names.split(row["s"]).full) == (row["short"], row["bare"])


@pytest.mark.parametrize(
    "other", ["gemma3:4b", "library/gemma3:4b", "registry.ollama.ai/library/gemma3:4b", "Gemma3:4B"]
)
def test_names_that_differ_in_defaults_and_case_are_the_same(other: str) -> None:
    """Host, namespace and case make no other model."""
    assert names.same("gemma3:4b", other)


@pytest.mark.parametrize("other", ["gemma3:4b-it-qat", "gemma3", "ai/gemma3:4b", "gemma3:4b "])
def test_names_of_other_models_are_not_the_same(other: str) -> None:
    """Another tag, another namespace or a stray blank is another model."""
    assert not names.same("gemma3:4b", other)


def test_a_name_without_tag_is_latest() -> None:
    """`gemma3` and `gemma3:latest` are one model."""
    assert names.same("gemma3", "gemma3:latest")


def test_an_invalid_name_is_the_same_only_as_its_own_text() -> None:
    """An invalid name has no meaning to compare."""
    assert names.same("gemma3: 4b", "gemma3: 4b")
    assert not names.same("gemma3: 4b", "Gemma3: 4b")


def test_a_scheme_is_no_part_of_the_host() -> None:
    """The address of a model's page names the model."""
    assert names.parse("https://ollama.com/library/gemma3:4b").host == "ollama.com"


def test_a_line_break_behind_a_name_makes_it_invalid() -> None:
    """A name read from a file keeps no line break."""
    assert not names.parse("gemma3:4b\n").is_valid


@given(valid)
def test_the_full_form_means_the_same_model(text: str) -> None:
    """Writing a valid name out in full, or short, and reading it again changes nothing."""
    name = names.parse(text)

    assert name.is_valid
    assert names.parse(name.full) == name
    assert names.same(name.short, text)


@given(anything, anything)
def test_being_the_same_holds_in_both_directions(one: str, two: str) -> None:
    """The order of the names does not matter, and each is the same as itself."""
    assert names.same(one, two) == names.same(two, one)
    assert names.same(one, one)
