"""The first look at a text, which is fast, lets through all that the second one, which is exact, finds."""

from __future__ import annotations

import gc
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources import registry
from pytest_newscreator.sources.literals import reader

WORDS = """
ollama Ollama OLLAMA oLLama llm LlM model Model MODEL env Env ENV config setting settings Settings viper num Num num_ctx
NUM value name names run: rerun: script ${ ${X $x A_B A_B: a_B A1_2 _A B__C x86_64 1_000 : :1 :12b gemma3:4b 'X' "ABC"
"ABC": 'AB_C'= ABC = / . - _ " ' ` İ K ſ e n v m o d l
"""
PIECES = (*WORDS.split(), " ", "\n", "\t", "")
PAIRS = [joint.join(pair) for pair in product(PIECES, repeat=2) for joint in ("", " ")]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def is_alike(text: str) -> bool:
    """Tell whether both looks agree on a text, as code and as data."""
    code = reader._code_matters(text) == (reader._MATTERS.search(text) is not None)
    data = reader._data_matters(text) == (reader._DATA_MATTERS.search(text) is not None)
    return code and data


def test_the_first_look_loses_nothing_of_two_words() -> None:
    """Whatever stands beside a word or a form that matters."""
    assert [text for text in PAIRS if not is_alike(text)] == []


@given(TEXTS)
def test_the_first_look_loses_nothing_of_any_text(text: str) -> None:
    """The same of longer texts."""
    assert is_alike(text)


@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_is_as_it_was_behind_a_reading(*, is_on: bool) -> None:
    """Reading pauses the collector of cycles for itself, whatever a reader does, and never turns it on for others."""

    def fail(_path: str) -> None:
        raise LookupError

    (gc.enable if is_on else gc.disable)()
    try:
        with pytest.raises(LookupError):
            registry.read_all(["a.py"], fail, registry.readers())
        found = gc.isenabled()
    finally:
        gc.enable()
    assert found is is_on
