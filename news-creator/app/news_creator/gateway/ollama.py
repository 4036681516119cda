"""Asking a served model, with the same options at every request so that its runner is never restarted."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httpx
from ollama import AsyncClient, ChatResponse, Message, Options

from news_creator.domain.errors import BackendFailedError, PromptTooLongError
from news_creator.gateway.failures import translated
from news_creator.gateway.transport import UntruncatedTransport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from news_creator.config.config import Settings
    from news_creator.domain.budget import Window


@dataclass(frozen=True, slots=True)
class Usage:
    """How an answer ended: the tokens Ollama counted, and its reason.

    `aborted` is an answer that Ollama broke off because one token came 30 times in a row: it ends
    without a last record and without counts.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reason: str = "aborted"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    text: str
    usage: Usage


class OllamaGateway:
    """The one door to Ollama; every failure leaves it as a SummaryError."""

    def __init__(self, settings: Settings) -> None:
        """Prepare the client; nothing is sent before the first request."""
        self._settings = settings
        self._client = AsyncClient(
            settings.LLM_SERVICE_URL,
            # The transport rewrites the answer as it comes, so it must come as it is.
            headers={"Accept-Encoding": "identity"},
            timeout=httpx.Timeout(settings.LLM_TIMEOUT_SECONDS, connect=settings.LLM_CONNECT_TIMEOUT_SECONDS),
            transport=UntruncatedTransport(),
        )

    async def aclose(self) -> None:
        """Close the connections to Ollama."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def stream(
        self, window: Window, prompt: str, num_predict: int, *, timeout_s: float | None = None
    ) -> AsyncGenerator[str | Usage, None]:
        """Yield the pieces of the model's answer to `prompt` as they come, then its usage, exactly once.

        Raises PromptTooLongError where Ollama refuses the prompt, or reads as many tokens as the window has (a
        server too old to refuse has cut it), and BackendError where it does not answer.
        """
        usage = Usage()
        parts = self._parts(window, prompt, num_predict, timeout_s or self._settings.LLM_TIMEOUT_SECONDS)
        async with aclosing(parts):
            async for part in parts:
                if part.message.content:
                    yield part.message.content
                if part.done:
                    usage = Usage(part.prompt_eval_count or 0, part.eval_count or 0, part.done_reason or "")
        _refuse_cut_prompt(window, usage)
        yield usage

    async def ask(self, window: Window, prompt: str, num_predict: int, *, timeout_s: float | None = None) -> Answer:
        """Return the model's whole answer to `prompt`; raises what `stream` raises."""
        text, usage = "", Usage()
        pieces = self.stream(window, prompt, num_predict, timeout_s=timeout_s)
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage = piece
                else:
                    text += piece
        return Answer(text, usage)

    async def prove(self, window: Window) -> None:
        """Make the model generate one token; raises BackendError where it cannot."""
        timeout_s = self._settings.HEALTH_TIMEOUT_SECONDS
        answer = await self.ask(window, "こんにちは", num_predict=1, timeout_s=timeout_s)
        if not (answer.text or answer.usage.completion_tokens):
            message = f"{window.model}: answered without a single token"
            raise BackendFailedError(message)

    def options(self, window: Window, num_predict: int) -> Options:
        """Return the options of a request; only `num_predict`, which no runner depends on, varies."""
        settings = self._settings
        return Options(
            num_ctx=window.num_ctx,
            num_batch=settings.LLM_NUM_BATCH,
            num_predict=num_predict,
            temperature=settings.LLM_TEMPERATURE,
            top_p=settings.LLM_TOP_P,
            top_k=settings.LLM_TOP_K,
            repeat_penalty=settings.LLM_REPEAT_PENALTY,
        )

    async def _parts(
        self, window: Window, prompt: str, num_predict: int, timeout_s: float
    ) -> AsyncGenerator[ChatResponse, None]:
        deadline = asyncio.get_running_loop().time() + timeout_s
        with translated(window.model, self._settings.LLM_SERVICE_URL):
            parts = cast(
                "AsyncGenerator[ChatResponse, None]",
                await self._client.chat(
                    window.model,
                    [Message(role="user", content=prompt)],
                    stream=True,
                    options=self.options(window, num_predict),
                    keep_alive=self._settings.keep_alive,
                ),
            )
            async with aclosing(parts):
                while True:
                    # A timeout belongs to one task, a generator may be drawn by several: one timeout a draw.
                    async with asyncio.timeout_at(deadline):
                        part = await anext(parts, None)
                    if part is None:
                        return
                    yield part


def _refuse_cut_prompt(window: Window, usage: Usage) -> None:
    if usage.prompt_tokens >= window.num_ctx:
        message = (
            f"{window.model}: read {usage.prompt_tokens} prompt tokens of a window of {window.num_ctx}, "
            "so the prompt was cut; nothing of it is used"
        )
        raise PromptTooLongError(message)
