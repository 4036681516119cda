"""A window of any size can be chosen: the chunks follow it, and a refusal says what would do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news_creator.config.config import ConfigError, load_settings
from news_creator.domain.budget import prompt_overhead
from news_creator.service.plan import Plan

ADVICE = re.compile(r"^(\w+): is .+?, should be (below|at least|at most|above) (?:LLM_NUM_CTX )?(-?\d+)", re.MULTILINE)
STEP = {"below": -1, "at least": 0, "at most": 0, "above": 1}
MOST_REFUSALS = 6


def refusal(settings: dict[str, object]) -> str:
    """Return what is said against settings, nothing where they can be used."""
    try:
        load_settings(**settings)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("window", "chunk"), [(1024, 555), (8192, 7168), (16384, 14336), (32768, 28672)])
def test_a_window_can_be_chosen_alone(window: int, chunk: int) -> None:
    """Whoever changes LLM_NUM_CTX, up or down, need not know the settings that hang on it."""
    assert Plan.of(load_settings(LLM_NUM_CTX=window)).chunk_chars == chunk


@given(window=st.integers(1024, 61439), ratio=st.floats(0.5, 8))
def test_a_chunk_of_auto_always_fits_and_leaves_an_eighth(window: int, ratio: float) -> None:
    """A chunk, its instruction and its partial summary fit the window, and it is as long as these two bounds allow."""
    answers = {"LLM_NUM_PREDICT": 128, "MAP_REDUCE_NUM_PREDICT": 128, "MAP_REDUCE_OVERLAP_TOKENS": 0}
    settings = load_settings(LLM_NUM_CTX=window, LLM_CHARS_PER_TOKEN=ratio, **answers)
    needed = settings.chunk_tokens + prompt_overhead(ratio) + 128
    free_eighths = 8 * (window - settings.chunk_tokens)
    assert needed <= window <= free_eighths
    assert needed == window or free_eighths < window + 8


def test_a_chunk_that_is_set_is_kept() -> None:
    """An explicit size that fits wins over what would fit."""
    assert load_settings(LLM_NUM_CTX=8192, MAP_REDUCE_CHUNK_TOKENS=1000).chunk_tokens == 1000


def test_a_chunk_that_is_set_must_fit_a_smaller_window() -> None:
    """An explicit size is never made smaller in silence, and the way out is told."""
    with pytest.raises(ConfigError, match=r"^MAP_REDUCE_CHUNK_TOKENS: is 14336, should be at most 7\d{3}: .*; auto "):
        load_settings(LLM_NUM_CTX=8192, MAP_REDUCE_CHUNK_TOKENS=14336)


def test_auto_is_understood_in_any_case_of_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word is a word, however it is written in a dotenv file."""
    monkeypatch.setenv("MAP_REDUCE_CHUNK_TOKENS", "AUTO")
    assert load_settings() == load_settings(MAP_REDUCE_CHUNK_TOKENS="auto")


def test_a_window_that_the_instruction_fills_is_itself_what_is_wrong() -> None:
    """No answer is short enough for a window without room, so none is asked for."""
    with pytest.raises(ConfigError, match=r"^LLM_NUM_CTX: is 512, should be at least \d{3}: the instruction alone"):
        load_settings(LLM_NUM_CTX=512, LLM_CHARS_PER_TOKEN=0.25)


@given(
    settings=st.fixed_dictionaries(
        {
            "LLM_NUM_CTX": st.integers(512, 70_000),
            "LLM_NUM_CTX_60K": st.integers(512, 131_072),
            "LLM_NUM_PREDICT": st.integers(1, 70_000),
            "LLM_CHARS_PER_TOKEN": st.floats(0.25, 8),
            "MAP_REDUCE_CHUNK_TOKENS": st.one_of(st.just("auto"), st.integers(4, 70_000)),
            "MAP_REDUCE_OVERLAP_TOKENS": st.integers(0, 70_000),
            "MAP_REDUCE_NUM_PREDICT": st.integers(1, 70_000),
        }
    )
)
def test_advice_that_is_followed_ends_in_settings_that_work(settings: dict[str, object]) -> None:
    """What a refusal says should be so is possible, and after a few of them nothing is left to refuse."""
    for _ in range(MOST_REFUSALS):
        advice = ADVICE.findall(refusal(settings))
        settings = settings | {name: int(bound) + STEP[way] for name, way, bound in advice}
    assert refusal(settings) == ""
