"""The time to the first streamed token, measured; on a stand-in model it says so and judges nothing."""

from __future__ import annotations

import itertools
from typing import Any

from pytest_newscreator.measure.streaming import generate
from pytest_newscreator.observe.ollama import Ollama

PROMPT = "次の記事を要約してください。"


def test_first_token(benchmark: Any, newscreator_stack: Any) -> None:
    """Ten streamed requests for one token, each with a prefix of its own so that no prompt cache helps."""
    url = newscreator_stack.endpoint("backend").url
    shown = Ollama(url).show("gemma3-4b-16k")
    assert shown is not None
    numbers = itertools.count()
    ttfts: list[float] = []

    def first_token() -> None:
        body = {"model": "gemma3-4b-16k", "prompt": f"{next(numbers)} {PROMPT}", "options": {"num_predict": 1}}
        streamed = generate(url, body)
        assert streamed.is_done, streamed.error
        ttft_s = streamed.ttft_s
        assert ttft_s is not None
        ttfts.append(ttft_s)

    benchmark.group = f"streamed first token, 16K variant{f', {shown.standin} stand-in' if shown.standin else ''}"
    benchmark.pedantic(first_token, rounds=10, warmup_rounds=1)
    benchmark.extra_info["ttft_s"] = ttfts
    assert all(0 < ttft_s < 60 for ttft_s in ttfts)
