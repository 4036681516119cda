"""Every failure as an HTTP status and a body of one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from news_creator.api.schema import FailureResponse
from news_creator.domain.errors import (
    BackendBusyError,
    BackendTimeoutError,
    BackendUnreachableError,
    ModelMissingError,
    OutOfMemoryError,
    PromptTooLongError,
    SummaryError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

log = structlog.get_logger(__name__)

_STATUSES: tuple[tuple[type[SummaryError], int], ...] = (
    (PromptTooLongError, 413),
    (ModelMissingError, 503),
    (BackendUnreachableError, 503),
    (BackendBusyError, 503),
    (OutOfMemoryError, 503),
    (BackendTimeoutError, 504),
)
_BAD_ANSWER = 502
_BAD_REQUEST = 422


def status_of(error: SummaryError) -> int:
    """Return the HTTP status of `error`; 502 where the backend's answer is of no use."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), _BAD_ANSWER)


def install(app: FastAPI) -> None:
    """Make `app` answer failures in one shape."""
    app.add_exception_handler(SummaryError, _summary_failed)
    app.add_exception_handler(RequestValidationError, _request_refused)


def _summary_failed(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, SummaryError):
        raise error
    status = status_of(error)
    log.error("request_failed", status=status, error=error.code, detail=str(error))
    return _answer(status, error.code, str(error))


def _request_refused(_request: Request, error: Exception) -> JSONResponse:
    # FastAPI's own answer echoes the input: that is the article, and a lone surrogate in it cannot be encoded.
    if not isinstance(error, RequestValidationError):
        raise error
    problems = (f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())
    return _answer(_BAD_REQUEST, "invalid_request", "; ".join(problems))


def _answer(status: int, code: str, detail: str) -> JSONResponse:
    return JSONResponse(FailureResponse(error=code, detail=detail).model_dump(), status_code=status)
