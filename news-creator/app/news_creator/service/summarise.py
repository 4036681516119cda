"""Summarising: in one prompt where the article fits, else by Map-Reduce, and never by leaving text out."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from news_creator.domain.errors import EmptySummaryError, NotConvergingError, PromptTooLongError
from news_creator.domain.events import Delta, Progress, Summary
from news_creator.domain.prompts import ARTICLE, PARTIAL, REDUCE
from news_creator.domain.splitting import halves
from news_creator.gateway.ollama import OllamaGateway, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

    from news_creator.domain.budget import Window
    from news_creator.domain.events import Event, Strategy
    from news_creator.service.plan import Plan

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Tally:
    """What one article has taken so far."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    chunks: int = 0
    refused_chars: int | None = None
    is_answered: bool = False

    def add(self, usage: Usage, model: str) -> None:
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        if usage.reason != "stop":
            log.warning("answer_did_not_end_by_itself", model=model, reason=usage.reason)

    def is_hopeless(self, text: str) -> bool:
        """Say whether a chunk no longer than `text` was refused before: asking again would only cost time."""
        return self.refused_chars is not None and len(text) >= self.refused_chars

    def refuse(self, text: str) -> None:
        self.refused_chars = min(len(text), self.refused_chars or len(text))

    def summary(self, text: str, model: str) -> Summary:
        strategy: Strategy = "map-reduce" if self.chunks else "single"
        return Summary(text, model, self.prompt_tokens, self.completion_tokens, strategy, max(self.chunks, 1))


class Summariser:
    """Makes one summary of one article, with whatever number of requests that takes."""

    def __init__(self, gateway: OllamaGateway, plan: Plan) -> None:
        """Ask through `gateway` what `plan` allows."""
        self._gateway = gateway
        self._plan = plan

    async def summarise(self, article: str) -> Summary:
        """Return the summary of `article`; raises what `events` raises."""
        async with aclosing(self.events(article)) as happening:
            async for event in happening:
                if isinstance(event, Summary):
                    return event
        raise AssertionError  # events() ends with a Summary or an exception

    async def events(self, article: str) -> AsyncGenerator[Event, None]:
        """Yield what happens while `article` is summarised; the last event is its Summary.

        Raises PromptTooLongError where the article cannot be made to fit, NotConvergingError where its partial
        summaries cannot, EmptySummaryError where the model has nothing to say, and BackendError where it cannot
        be asked.
        """
        tally, text = _Tally(), article
        chunks = self._plan.admitted_chunks(article)
        async with aclosing(self._final(ARTICLE.render(article), tally)) as happening:
            async for event in happening:
                yield event
        rounds = 0
        while not tally.is_answered:
            if rounds == self._plan.max_rounds:
                raise NotConvergingError(_not_converging(text, rounds))
            partials: list[str] = []
            async with aclosing(self._map(chunks, partials, tally)) as reading:
                async for progress in reading:
                    yield progress
            rounds += 1
            text = "\n\n".join(partials)
            chunks = self._plan.chunks(text)
            log.info("round_done", round=rounds, partials=len(partials), characters=len(text))
            async with aclosing(self._final(REDUCE.render(text), tally)) as happening:
                async for event in happening:
                    yield event

    async def _final(self, prompt: str, tally: _Tally) -> AsyncGenerator[Event, None]:
        """Stream the summary itself from the smallest window that takes `prompt`; nothing where none does."""
        for window in self._plan.windows_for(prompt):
            async with aclosing(self._answer(window, prompt, tally)) as happening:
                async for event in happening:
                    yield event
            if tally.is_answered:
                return

    async def _answer(self, window: Window, prompt: str, tally: _Tally) -> AsyncGenerator[Event, None]:
        """Stream the summary from `window`, or yield nothing where Ollama refuses the prompt as too long."""
        said: list[str] = []
        try:
            async with aclosing(self._gateway.stream(window, prompt, self._plan.num_predict)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Usage):
                        tally.add(piece, window.model)
                    else:
                        said.append(piece)
                        yield Delta(piece)
        except PromptTooLongError as error:
            if said:
                raise
            log.warning("prompt_refused", model=window.model, characters=len(prompt), reason=str(error))
            return
        tally.is_answered = True
        yield tally.summary(_visible("".join(said), window.model), window.model)

    async def _map(self, chunks: list[str], partials: list[str], tally: _Tally) -> AsyncGenerator[Progress, None]:
        """Add the partial summaries of `chunks` to `partials`, in the order of the article."""
        tally.refused_chars = None
        for start in range(0, len(chunks), self._plan.concurrency):
            batch = chunks[start : start + self._plan.concurrency]
            for answers in await _together([self._partials(chunk, tally) for chunk in batch]):
                partials.extend(answers)
            yield Progress(start + len(batch), len(chunks))
        tally.chunks = tally.chunks or len(partials)

    async def _partials(self, chunk: str, tally: _Tally) -> list[str]:
        """Return the partial summaries of `chunk`: one, or several where Ollama finds the chunk too long.

        A chunk about which the model says nothing is carried over as it is: what it holds must not be lost.
        """
        window = self._plan.chunk_window
        if not tally.is_hopeless(chunk):
            try:
                answer = await self._gateway.ask(window, PARTIAL.render(chunk), self._plan.partial_num_predict)
            except PromptTooLongError:
                tally.refuse(chunk)
            else:
                tally.add(answer.usage, window.model)
                return [answer.text.strip() or chunk]
        if len(chunk) == 1:
            message = f"{window.model}: refuses even one character with the instruction; its num_ctx should be larger"
            raise PromptTooLongError(message)
        return [partial for half in halves(chunk) for partial in await self._partials(half, tally)]


def _visible(text: str, model: str) -> str:
    """Return `text` without the white space around it; raises EmptySummaryError where nothing is left."""
    if not text.strip():
        message = f"{model}: ended its answer without any text, a summary should have some"
        raise EmptySummaryError(message)
    return text.strip()


def _not_converging(text: str, rounds: int) -> str:
    return (
        f"content: its partial summaries still have {len(text)} characters after {rounds} rounds "
        "(MAP_REDUCE_MAX_ROUNDS), they should fit one prompt; nothing was cut"
    )


async def _together(work: list[Coroutine[None, None, list[str]]]) -> list[list[str]]:
    """Return the results of `work` in order; the first failure cancels the rest."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
