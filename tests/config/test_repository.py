"""What the repository keeps of its files agrees with the places that readers give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0c", "\r"])
def test_a_line_is_counted_as_places_count_it(stack: Stack, separator: str) -> None:
    """Only a line feed ends one; what Python's own splitting takes for an end is text."""
    stack.write("run.sh", f"# one{separator}still one\r\nX=2\n")
    assert stack.repository().line(Place("run.sh", 2, 1)) == "X=2"


def test_a_place_without_a_line_has_no_text(stack: Stack) -> None:
    """A whole file, a line behind its end, a file that is not there."""
    repository = stack.repository()
    places = [Place("compose/ai.yaml"), Place("compose/ai.yaml", 9999, 1), Place("nowhere", 1, 1)]
    assert [repository.line(place) for place in places] == ["", "", ""]
