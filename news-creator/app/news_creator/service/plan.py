"""Which model a prompt goes to, and how an article is cut: the settings, applied."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from news_creator.domain.budget import Window, fits
from news_creator.domain.errors import PromptTooLongError
from news_creator.domain.splitting import split

if TYPE_CHECKING:
    from news_creator.config.config import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows that may be asked, the smallest first, and the size of a chunk in characters."""

    windows: tuple[Window, ...]
    num_predict: int
    partial_num_predict: int
    chars_per_token: float
    chunk_chars: int
    overlap_chars: int
    max_chunks: int
    max_rounds: int
    concurrency: int

    @classmethod
    def of(cls, settings: Settings) -> Plan:
        """Return the plan that `settings` ask for."""
        ratio = settings.LLM_CHARS_PER_TOKEN
        small = Window(settings.MODEL_16K_NAME, settings.LLM_NUM_CTX)
        large = Window(settings.MODEL_60K_NAME, settings.LLM_NUM_CTX_60K)
        return cls(
            windows=(small, large) if settings.MODEL_ROUTING_ENABLED else (small,),
            num_predict=settings.LLM_NUM_PREDICT,
            partial_num_predict=settings.MAP_REDUCE_NUM_PREDICT,
            chars_per_token=ratio,
            chunk_chars=max(1, math.floor(settings.chunk_tokens * ratio)),
            overlap_chars=math.floor(settings.MAP_REDUCE_OVERLAP_TOKENS * ratio),
            max_chunks=settings.MAP_REDUCE_MAX_CHUNKS,
            max_rounds=settings.MAP_REDUCE_MAX_ROUNDS,
            concurrency=settings.MAP_REDUCE_CONCURRENCY,
        )

    @property
    def chunk_window(self) -> Window:
        """Return the window that chunks go to: always the small one."""
        return self.windows[0]

    def windows_for(self, prompt: str) -> tuple[Window, ...]:
        """Return the windows that a rendered prompt and a summary fit, the smallest first."""
        return tuple(w for w in self.windows if fits(prompt, w, self.num_predict, self.chars_per_token))

    def chunks(self, text: str) -> list[str]:
        """Cut `text` into chunks."""
        return split(text, self.chunk_chars, self.overlap_chars)

    def admitted_chunks(self, article: str) -> list[str]:
        """Cut an article into chunks; raises PromptTooLongError where it has more than are allowed."""
        chunks = self.chunks(article)
        if len(chunks) > self.max_chunks:
            message = (
                f"content: has {len(article)} characters in {len(chunks)} chunks, should have at most "
                f"{self.max_chunks} chunks of {self.chunk_chars} characters (MAP_REDUCE_MAX_CHUNKS); nothing was cut"
            )
            raise PromptTooLongError(message)
        return chunks
