"""What happens while an article is summarised, in the order it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Strategy = Literal["single", "map-reduce"]


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` chunks of this round have their partial summary."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the final summary."""

    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The finished summary, and what it took.

    Tokens are those that Ollama reported, over all requests; an answer that Ollama itself broke off for
    repeating one token reports none. `chunks` counts the parts the article was read in.
    """

    text: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    strategy: Strategy
    chunks: int


Event = Progress | Delta | Summary
