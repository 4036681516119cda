"""How much fits: prompts are measured before they are sent, on the safe side.

No tokenizer is at hand before the request, so tokens are bounded by characters: Gemma needs about one token
for two Japanese characters, and `chars_per_token` says how many characters a token is sure to cover. The
bound only proposes: Ollama is told to refuse what does not fit, and its refusal decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from news_creator.domain.prompts import PROMPTS

TEMPLATE_TOKENS = 64
"""What the chat template adds: begin of text, turn marks and role names, several times over."""


@dataclass(frozen=True, slots=True)
class Window:
    """A model as it is served: its name, and how many tokens prompt and answer may have together."""

    model: str
    num_ctx: int


def tokens_at_most(text: str, chars_per_token: float) -> int:
    """Return the number of tokens that `text` is taken to have at most."""
    return math.ceil(len(text) / chars_per_token)


def prompt_overhead(chars_per_token: float) -> int:
    """Return the tokens that the longest instruction and the template take beside the text, at most."""
    return TEMPLATE_TOKENS + max(tokens_at_most(prompt.overhead, chars_per_token) for prompt in PROMPTS)


def fits(prompt: str, window: Window, num_predict: int, chars_per_token: float) -> bool:
    """Say whether a rendered prompt and an answer of `num_predict` tokens fit `window` together."""
    return TEMPLATE_TOKENS + tokens_at_most(prompt, chars_per_token) + num_predict <= window.num_ctx
