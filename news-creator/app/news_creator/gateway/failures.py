"""What Ollama's client raises, as what it means for a summary."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from ollama import ResponseError
from pydantic import ValidationError

from news_creator.domain.errors import (
    BackendBusyError,
    BackendError,
    BackendFailedError,
    BackendTimeoutError,
    BackendUnreachableError,
    ModelMissingError,
    OutOfMemoryError,
    PromptTooLongError,
    SummaryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Ollama's words, in llm/server.go, server/sched.go and the runners; of a runner that the kernel killed it says
# "this may be due to resource limitations".
_OUT_OF_MEMORY = (
    "out of memory",
    "requires more system memory",
    "cudamalloc failed",
    "unable to allocate",
    "failed to allocate",
    "resource limitations",
)
_TOO_LONG = "exceeds the context length"
_NOT_FOUND = 404
_UNAVAILABLE = 503


@contextmanager
def translated(model: str, url: str) -> Iterator[None]:
    """Turn whatever the client raises while `model` at `url` is asked into a SummaryError."""
    try:
        yield
    except SummaryError:
        raise
    except ResponseError as error:
        raise meaning_of(model, error) from error
    except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout) as error:
        message = f"{url}: nothing answers, an Ollama server should ({_words(error)})"
        raise BackendUnreachableError(message) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        message = f"{model}: the answer was not complete within the time allowed"
        raise BackendTimeoutError(message) from error
    except httpx.HTTPError as error:
        message = f"{url}: the connection broke before the answer was complete ({_words(error)})"
        raise BackendUnreachableError(message) from error
    except (json.JSONDecodeError, ValidationError, TypeError, AttributeError) as error:
        message = f"{url}: answers, but not as Ollama does ({type(error).__name__})"
        raise BackendFailedError(message) from error


def meaning_of(model: str, error: ResponseError) -> BackendError | PromptTooLongError:
    """Return what an error answer of Ollama means for the request to `model`."""
    words = str(error.error)
    lower = words.lower()
    if _TOO_LONG in lower:
        return PromptTooLongError(f"{model}: the prompt is longer than its window ({words})")
    if any(mark in lower for mark in _OUT_OF_MEMORY):
        return OutOfMemoryError(f"{model}: does not fit the memory ({words})")
    if error.status_code == _NOT_FOUND and "model" in lower:
        return ModelMissingError(f"{model}: Ollama has no such model, the backend should have made it ({words})")
    if error.status_code == _UNAVAILABLE:
        return BackendBusyError(f"{model}: Ollama is busy ({words})")
    return BackendFailedError(f"{model}: Ollama failed ({words})")


def _words(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
