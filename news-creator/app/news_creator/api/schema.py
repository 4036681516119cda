"""The bodies of requests and answers; their fields are a promise to callers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, StringConstraints


def _not_blank(text: str) -> str:
    if not text.strip():
        message = "should have visible text"
        raise ValueError(message)
    return text


def _whole_characters(text: str) -> str:
    # JSON can hold half of a surrogate pair, which is no character and cannot be sent on.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"should be text, has half a character at position {error.start}"
        raise ValueError(message) from None
    return text


_Text = Annotated[str, AfterValidator(_whole_characters)]


class SummarizeRequest(BaseModel):
    """An article to summarise, whole or as server-sent events."""

    article_id: Annotated[_Text, StringConstraints(min_length=1, max_length=256)]
    content: Annotated[_Text, AfterValidator(_not_blank)]
    stream: bool = False


class SummarizeResponse(BaseModel):
    """A summary and what it took; tokens are those Ollama reported, over all requests for this article."""

    success: Literal[True] = True
    article_id: str
    summary: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    total_duration_ms: int
    strategy: Literal["single", "map-reduce"]
    chunks: int


class FailureResponse(BaseModel):
    """Why there is no summary: a code for programs, a sentence for people; never any of the article."""

    success: Literal[False] = False
    error: str
    detail: str


class HealthResponse(BaseModel):
    """Whether the service lives."""

    status: Literal["healthy"] = "healthy"


class DeepHealthResponse(BaseModel):
    """Whether the model answers; `error` and `detail` say why it does not."""

    status: Literal["healthy", "unhealthy"]
    model: str
    duration_ms: int
    error: str | None = None
    detail: str | None = None
