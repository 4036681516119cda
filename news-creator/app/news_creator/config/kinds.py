"""The kinds of value a setting may have, each with what is said about a wrong one."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, TypeAdapter, ValidationError

# Ollama's types/model/name.go: [host/][namespace/]model[:tag], each part with its own letters and length.
_MODEL_NAME = re.compile(
    r"(?:(?:[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}/)?[A-Za-z0-9_][A-Za-z0-9_-]{0,79}/)?"
    r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,79})?",
    re.ASCII,
)
_DURATION = re.compile(r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+", re.ASCII)
_SECONDS = re.compile(r"-?\d+", re.ASCII)
# A partial summary of one token must stay below half a chunk.
LEAST_CHUNK_TOKENS = 4
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:]*::?[0-9A-Fa-f:.]*")


def check_model_name(text: str) -> str:
    """Return `text` where Ollama takes it for a model name; raises ValueError where it does not."""
    if not _MODEL_NAME.fullmatch(text):
        message = "a model name that Ollama accepts, such as gemma3:4b-it-qat"
        raise ValueError(message)
    return text


def canonical_model_name(text: str) -> str:
    """Return the full name that Ollama knows a valid `text` by, so that two spellings of one model compare equal."""
    head, _, last = text.rpartition("/")
    tagged = last if ":" in last else f"{last}:latest"
    defaults = ("registry.ollama.ai", "library")
    given = tuple(part for part in head.split("/") if part)
    return "/".join((*defaults[: 2 - len(given)], *given, tagged)).lower()


def check_keep_alive(text: str) -> str:
    """Return `text` where Ollama takes it for a keep-alive; raises ValueError where it does not."""
    if not (_SECONDS.fullmatch(text) or _DURATION.fullmatch(text)):
        message = "a Go duration such as 30m, or whole seconds; below zero means for ever"
        raise ValueError(message)
    return text


def check_service_url(text: str) -> str:
    """Return `text` where it is the address of a server; raises ValueError where it is not."""
    message = "an http:// or https:// address such as http://news-creator-backend:11434"
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise ValueError(message) from error
    plain = not (parts.query or parts.fragment or parts.username) and not re.search(r"\s", text)
    if parts.scheme not in {"http", "https"} or not usable or not plain:
        raise ValueError(message)
    return text.rstrip("/")


def check_host(text: str) -> str:
    """Return `text` where a server can listen on it; raises ValueError where it cannot."""
    if not _HOST.fullmatch(text):
        message = "a host name or IP address such as 127.0.0.1"
        raise ValueError(message)
    return text


def check_chunk_tokens(value: object) -> int | str:
    """Return the word auto, or the tokens that `value` is; raises ValueError where it is neither."""
    if isinstance(value, str) and value.lower() == "auto":
        return "auto"
    try:
        return _TOKENS_OF_A_CHUNK.validate_python(value)
    except ValidationError as error:
        message = f"{error.errors()[0]['msg']}, or auto"
        raise ValueError(message) from error


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


ModelName = Annotated[str, AfterValidator(check_model_name)]
KeepAlive = Annotated[str, AfterValidator(check_keep_alive)]
ServiceUrl = Annotated[str, AfterValidator(check_service_url)]
Host = Annotated[str, AfterValidator(check_host)]
Port = Annotated[int, Field(ge=1, le=65535)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]
# 131,072 is the window gemma3:4b was trained for; below 512 no article fits beside the instruction.
ContextTokens = Annotated[int, Field(ge=512, le=131_072)]
Count = Annotated[int, Field(ge=1)]
ChunkTokens = Annotated[int | Literal["auto"], PlainValidator(check_chunk_tokens)]
WholeNumber = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
Probability = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Penalty = Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)]
CharsPerToken = Annotated[float, Field(ge=0.25, le=8, allow_inf_nan=False)]
Rounds = Annotated[int, Field(ge=1, le=16)]
Concurrency = Annotated[int, Field(ge=1, le=16)]

_TOKENS_OF_A_CHUNK: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=LEAST_CHUNK_TOKENS)])
