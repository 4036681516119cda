"""The laws of splitting, and of what a prompt does to a text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news_creator.domain.prompts import PROMPTS, plain
from news_creator.domain.splitting import halves, spans, split

TEXTS = st.text(alphabet=st.sampled_from("首相は。！？」\n .!?a東京"), max_size=300)
LIMITS = st.integers(min_value=1, max_value=60)


@st.composite
def limits_and_overlaps(draw: st.DrawFn) -> tuple[int, int]:
    """Draw a limit and an overlap below it."""
    limit = draw(LIMITS)
    return limit, draw(st.integers(min_value=0, max_value=limit - 1))


@given(TEXTS, limits_and_overlaps())
def test_every_character_is_in_some_chunk(text: str, sizes: tuple[int, int]) -> None:
    """Spans begin at the first character, end at the last and leave no gap."""
    covered = 0
    for span in spans(text, *sizes):
        assert span.start <= covered < span.end
        covered = span.end
    assert covered == len(text)


@given(TEXTS, limits_and_overlaps())
def test_no_chunk_is_empty_or_longer_than_the_limit(text: str, sizes: tuple[int, int]) -> None:
    """A chunk that is too long would be refused, an empty one asked for nothing."""
    assert all(1 <= len(chunk) <= sizes[0] for chunk in split(text, *sizes))


@given(TEXTS, limits_and_overlaps())
def test_a_chunk_repeats_no_more_than_the_overlap(text: str, sizes: tuple[int, int]) -> None:
    """What is repeated costs time twice."""
    found = list(spans(text, *sizes))
    assert all(before.end - after.start <= sizes[1] for before, after in pairwise(found))


@given(TEXTS, LIMITS)
def test_chunks_without_overlap_join_to_the_text(text: str, limit: int) -> None:
    """Without overlap nothing is repeated either."""
    assert "".join(split(text, limit)) == text


@given(st.text(min_size=2, max_size=300))
def test_halves_are_shorter_and_join_to_the_text(text: str) -> None:
    """Halving ends, and loses nothing."""
    parts = halves(text)
    assert "".join(parts) == text
    assert max(map(len, parts)) < len(text)


def test_chunks_end_after_sentences_where_they_can() -> None:
    """A sentence in two chunks is understood in neither."""
    assert split("首相が会見した。雨が降った。株価は上昇した。", 15) == [
        "首相が会見した。雨が降った。",
        "株価は上昇した。",
    ]


def test_a_closing_quote_stays_with_its_sentence() -> None:
    """The mark that ends a quoted sentence is followed by the quote's end."""
    assert split("「もう終わりだ。」と述べた。", 10) == ["「もう終わりだ。」", "と述べた。"]


def test_an_overlap_begins_with_a_sentence() -> None:
    """Half a sentence repeated says nothing."""
    assert split("首相が会見した。雨が降った。株価は上昇した。", 15, 8)[1].startswith("雨が降った。")


def test_an_overlap_as_long_as_the_limit_is_refused() -> None:
    """It would never get to the end of the text."""
    with pytest.raises(ValueError, match=r"^overlap: is 5, should be at least 0 and below the limit of 5"):
        list(spans("首相は会見した", 5, 5))


@given(st.text(alphabet=st.sampled_from("<>/[]-0img_startofendurn首"), max_size=80))
def test_a_prompt_is_as_long_as_its_instruction_and_text(text: str) -> None:
    """Making marks inert keeps the length, so that what was measured is what is sent."""
    assert all(len(prompt.render(text)) == len(prompt.overhead) + len(text) for prompt in PROMPTS)


@pytest.mark.parametrize("mark", ["<start_of_turn>", "<end_of_turn>", "<eos>", "[img-3]", "[img]"])
def test_marks_of_the_template_are_inert_in_an_article(mark: str) -> None:
    """`<end_of_turn>` would end the user's turn, and a vision model's runner refuses `[img-3]`."""
    assert mark not in plain(f"記事{mark}本文")


def test_ordinary_brackets_are_left_as_they_are() -> None:
    """Only the marks change: everything else reaches the model as it was written."""
    text = "3 < 5、[写真]、<b>強調</b>、[image-1]"
    assert plain(text) == text
