"""The application: three routes over one summariser."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from news_creator.api import failures, sse
from news_creator.api.schema import (
    DeepHealthResponse,
    FailureResponse,
    HealthResponse,
    SummarizeRequest,
    SummarizeResponse,
)
from news_creator.domain.errors import SummaryError
from news_creator.gateway.ollama import OllamaGateway
from news_creator.service.plan import Plan
from news_creator.service.summarise import Summariser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from news_creator.config.config import Settings
    from news_creator.domain.events import Summary

log = structlog.get_logger(__name__)
router = APIRouter()

_UNHEALTHY = 503
_FAILURES: dict[int | str, dict[str, object]] = {status: {"model": FailureResponse} for status in (413, 502, 503, 504)}


def create_app(settings: Settings) -> FastAPI:
    """Return the application for `settings`; it asks Ollama nothing before the first request."""
    gateway = OllamaGateway(settings)
    plan = Plan.of(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        log.info("started", backend=settings.LLM_SERVICE_URL, base=settings.LLM_MODEL, windows=repr(plan.windows))
        yield
        await gateway.aclose()

    app = FastAPI(title="News Creator", lifespan=lifespan)
    app.state.gateway = gateway
    app.state.plan = plan
    app.include_router(router)
    failures.install(app)
    return app


@router.get("/health")
async def health() -> HealthResponse:
    """Say that the process lives, without asking anyone."""
    return HealthResponse()


@router.get("/health/deep", response_model=DeepHealthResponse, response_model_exclude_none=True)
async def deep_health(request: Request) -> Response:
    """Make the model generate one token; 503 with the reason where it cannot."""
    window = request.app.state.plan.chunk_window
    started = time.monotonic()
    try:
        await request.app.state.gateway.prove(window)
    except SummaryError as error:
        log.warning("unhealthy", error=error.code, detail=str(error))
        failure = DeepHealthResponse(
            status="unhealthy", model=window.model, duration_ms=_ms(started), error=error.code, detail=str(error)
        )
        return JSONResponse(failure.model_dump(), status_code=_UNHEALTHY)
    healthy = DeepHealthResponse(status="healthy", model=window.model, duration_ms=_ms(started))
    return JSONResponse(healthy.model_dump(exclude_none=True))


@router.post("/api/v1/summarize", response_model=SummarizeResponse, responses=_FAILURES)
async def summarize(request: Request, body: SummarizeRequest) -> Response:
    """Summarise an article, whole or as server-sent events."""
    summariser = Summariser(request.app.state.gateway, request.app.state.plan)
    started = time.monotonic()

    def fields(summary: Summary) -> dict[str, object]:
        return _report(body.article_id, len(body.content), summary, started)

    if not body.stream:
        return JSONResponse(fields(await summariser.summarise(body.content)))
    events = summariser.events(body.content)
    # What fails before anything was said is still told by its status.
    first = await anext(events)
    return StreamingResponse(sse.frames(first, events, fields), media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


def _report(article_id: str, characters: int, summary: Summary, started: float) -> dict[str, object]:
    answer = SummarizeResponse(
        article_id=article_id,
        summary=summary.text,
        model=summary.model,
        prompt_tokens=summary.prompt_tokens,
        completion_tokens=summary.completion_tokens,
        total_duration_ms=_ms(started),
        strategy=summary.strategy,
        chunks=summary.chunks,
    ).model_dump()
    told = {name: value for name, value in answer.items() if name not in {"success", "summary"}}
    log.info("summarised", characters=characters, **told)
    return answer


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
