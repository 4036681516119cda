"""The `${}` grammar gives what Docker Compose gives."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.compose.interpolation import TemplateError, evaluate, parse

TRUTH = Path(__file__).parents[3] / "shared" / "truth" / "interpolation.json"
TABLE = json.loads(TRUTH.read_text(encoding="utf-8")) if TRUTH.exists() else {"env": {}, "cases": []}


def expand(text: str, *, lazy: bool = False, **variables: str) -> str:
    """Return what `text` comes to with exactly `variables` set."""
    return evaluate(parse(text), variables.get, lazy=lazy).text


@pytest.mark.skipif(not TABLE["cases"], reason="shared/truth/interpolation.json is not here")
@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["template"])
def test_a_template_comes_to_what_compose_makes_of_it(case: dict[str, str]) -> None:
    """Every row of the truth table: the same text, or an error on both sides."""
    if case["status"] == "err":
        with pytest.raises(TemplateError):
            expand(case["template"], **TABLE["env"])
    else:
        assert expand(case["template"], **TABLE["env"]) == case["value"]


def test_an_empty_variable_takes_the_default_of_colon_dash_only() -> None:
    """`:-` looks at emptiness, `-` at presence."""
    assert (expand("${A:-d}", A=""), expand("${A-d}", A="")) == ("d", "")


@pytest.mark.parametrize("template", ["${FOO:-${B:?err}}", "${BAR:+${B:?err}}"])
def test_a_required_variable_in_an_unused_branch_stops_only_older_composes(template: str) -> None:
    """Up to 2.40 arguments are evaluated eagerly, from 5.1 on lazily."""
    with pytest.raises(TemplateError, match="required variable B"):
        expand(template, FOO="first", BAR="")
    assert expand(template, lazy=True, FOO="first", BAR="") in {"first", ""}


def test_a_required_variable_stops_every_compose_where_it_is_used() -> None:
    """Laziness forgives nothing that is needed."""
    with pytest.raises(TemplateError, match="needed for"):
        expand("${A:-${B:?needed for X}}", lazy=True)


def test_a_newline_in_a_default_is_refused() -> None:
    """compose-go's pattern does not cross a line end."""
    with pytest.raises(TemplateError, match="no valid interpolation"):
        expand("${A:-x\ny}")


def test_the_offset_of_a_nested_default_points_at_its_text() -> None:
    """Provenance needs the column of the innermost default."""
    text = "http://${HOST:-${NAME:-backend}}:11434"
    outer, inner = parse(text).expansions()
    assert (outer.start, text.index("backend")) == (7, inner.argument.start if inner.argument else -1)


def test_unset_variables_without_default_are_reported() -> None:
    """Compose warns of each."""
    assert [e.name for e in evaluate(parse("$A ${B} ${C:-x}"), lambda _: None).unset()] == ["A", "B"]


def test_assignment_is_read_only_on_request() -> None:
    """`:=` is a shell's; Compose refuses it."""
    assert any(parse("${A:=x}").invalid())
    assert not any(parse("${A:=x}", assignment=True).invalid())


@given(st.text())
def test_doubling_every_dollar_keeps_any_text(text: str) -> None:
    """Escaping is the inverse of interpolation."""
    assert expand(text.replace("$", "$$")) == text


@given(st.text(alphabet="${}:-+?AB \n"))
def test_parsing_never_fails_and_keeps_offsets_inside_the_text(text: str) -> None:
    """Whatever Compose refuses is a part of its own."""
    template = parse(text)
    assert all(0 <= e.start < e.end <= len(text) and text[e.start] == "$" for e in template.expansions())


@pytest.mark.parametrize("piece", ["${A:-", "${A:-x}", "${A:-{", "$", "${A:-x}" * 3 + "\n"])
def test_a_long_text_is_read_in_bounded_time(piece: str) -> None:
    """No input makes the parser go through the text again for each of its characters."""
    started = time.perf_counter()
    parse(piece * 20_000)
    assert time.perf_counter() - started < 5
