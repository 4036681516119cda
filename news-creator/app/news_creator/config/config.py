"""Every setting of the service with its default: the environment is the only other source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from news_creator.config.kinds import (
    LEAST_CHUNK_TOKENS,
    CharsPerToken,
    ChunkTokens,
    Concurrency,
    ContextTokens,
    Count,
    Host,
    KeepAlive,
    LogLevel,
    ModelName,
    Penalty,
    Port,
    Probability,
    Rounds,
    Seconds,
    ServiceUrl,
    Temperature,
    WholeNumber,
    canonical_model_name,
)
from news_creator.domain.budget import prompt_overhead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails


class ConfigError(Exception):
    """A setting cannot be used: one line for each, with the name, the value and what is allowed."""


# The smallest chunk, and one token of partial summary.
_LEAST_ROOM_TOKENS = LEAST_CHUNK_TOKENS + 1


class Settings(BaseSettings):
    """The settings; each is overridden by the environment variable of the same name, in any case of letters."""

    # No env_file: what the container was given is what holds, whatever lies in its working directory.
    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", case_sensitive=False, env_file=None, use_attribute_docstrings=True
    )

    LLM_SERVICE_URL: ServiceUrl = "http://localhost:11434"
    """Where Ollama answers."""
    LLM_MODEL: ModelName = "gemma3:4b-it-qat"
    """The base the variants are made of; logged, and never named in a request."""
    MODEL_BASE_NAME: ModelName = "gemma3:4b-it-qat"
    """The same base under the name that routing knows it by; never named in a request."""
    MODEL_16K_NAME: ModelName = "gemma3-4b-16k"
    """The variant every request goes to."""
    MODEL_60K_NAME: ModelName = "gemma3-4b-60k"
    """The variant for long articles, where routing is on."""
    MODEL_ROUTING_ENABLED: bool = False
    """Whether long articles may go to the 60K variant: off, since it was found impractical on 8 GB."""

    LLM_NUM_CTX: ContextTokens = 16384
    """The window of the 16K variant in tokens; as in its Modelfile, or the runner restarts."""
    LLM_NUM_CTX_60K: ContextTokens = 61440
    """The window of the 60K variant in tokens; as in its Modelfile."""
    LLM_NUM_BATCH: Count = 1024
    """Prompt tokens evaluated at once; as in the Modelfiles."""
    LLM_NUM_PREDICT: Count = 512
    """The longest summary in tokens."""
    LLM_TEMPERATURE: Temperature = 0.15
    """Sampling temperature."""
    LLM_TOP_P: Probability = 0.85
    """Nucleus sampling."""
    LLM_TOP_K: Count = 40
    """Candidates sampled from."""
    LLM_REPEAT_PENALTY: Penalty = 1.15
    """What a repeated token is divided by; Ollama's own engine for gemma3 has no such sampler and ignores it."""
    LLM_KEEP_ALIVE: KeepAlive = "24h"
    """How long Ollama keeps the model loaded after a request."""
    LLM_TIMEOUT_SECONDS: Seconds = 600.0
    """How long one request to the model may take, loading included."""
    LLM_CONNECT_TIMEOUT_SECONDS: Seconds = 5.0
    """How long the connection to Ollama may take."""
    LLM_CHARS_PER_TOKEN: CharsPerToken = 1.0
    """How many characters a token covers at least; Gemma covers about 2.1 of Japanese."""

    MAP_REDUCE_CHUNK_TOKENS: ChunkTokens = "auto"
    """The longest chunk of a long article in tokens, overlap included; auto: up to 7/8 of LLM_NUM_CTX."""
    MAP_REDUCE_OVERLAP_TOKENS: WholeNumber = 256
    """How much of the chunk before a chunk repeats, in tokens."""
    MAP_REDUCE_NUM_PREDICT: Count = 256
    """The longest partial summary in tokens."""
    MAP_REDUCE_MAX_CHUNKS: Count = 32
    """The most chunks an article may have; a longer article is refused."""
    MAP_REDUCE_MAX_ROUNDS: Rounds = 6
    """How often partial summaries may be summarised again."""
    MAP_REDUCE_CONCURRENCY: Concurrency = 1
    """Chunks asked for at once; more than OLLAMA_NUM_PARALLEL only wait."""

    HEALTH_TIMEOUT_SECONDS: Seconds = 60.0
    """How long the deep health check waits for its one token, loading included."""
    SERVICE_HOST: Host = "127.0.0.1"
    """Where `run()` listens."""
    SERVICE_PORT: Port = 8001
    """The port `run()` listens on."""
    LOG_LEVEL: LogLevel = "INFO"
    """The least severe line that is logged."""

    @property
    def keep_alive(self) -> str | int:
        """Return the keep-alive as Ollama reads it: whole seconds must be a number, a duration a text."""
        try:
            return int(self.LLM_KEEP_ALIVE)
        except ValueError:
            return self.LLM_KEEP_ALIVE

    @property
    def chunk_tokens(self) -> int:
        """Return the longest chunk in tokens: as set, or what suits the window."""
        if self.MAP_REDUCE_CHUNK_TOKENS != "auto":
            return self.MAP_REDUCE_CHUNK_TOKENS
        # The eighth is for text that takes more tokens than LLM_CHARS_PER_TOKEN says: a chunk refused is asked twice.
        return min(self.LLM_NUM_CTX * 7 // 8, self.most_chunk_tokens)

    @property
    def most_chunk_tokens(self) -> int:
        """Return the longest chunk in tokens that fits the window beside its instruction and its partial summary."""
        return self.room_tokens - self.MAP_REDUCE_NUM_PREDICT

    @property
    def room_tokens(self) -> int:
        """Return the tokens that the longest instruction leaves of the 16K variant's window, below zero where none."""
        return self.LLM_NUM_CTX - prompt_overhead(self.LLM_CHARS_PER_TOKEN)

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if problems := "\n".join((*_window_problems(self), *_model_problems(self))):
            raise ValueError(problems)
        return self


def load_settings(**overrides: object) -> Settings:
    """Return the settings of this process; raises ConfigError where any cannot be used.

    `overrides` win over the environment; tests and embedding programs use them.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError("\n".join(_line(detail) for detail in error.errors())) from None


def _line(detail: ErrorDetails) -> str:
    wanted = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if not detail["loc"]:
        return wanted
    return f"{detail['loc'][0]}: is {detail['input']!r}, should be {wanted}"


def _window_problems(settings: Settings) -> Iterator[str]:
    window, room = settings.LLM_NUM_CTX, settings.room_tokens
    if room < _LEAST_ROOM_TOKENS:
        yield (
            f"LLM_NUM_CTX: is {window}, should be at least {window - room + _LEAST_ROOM_TOKENS}: "
            f"the instruction alone takes {window - room} (at LLM_CHARS_PER_TOKEN {settings.LLM_CHARS_PER_TOKEN})"
        )
    else:
        yield from _answer_problems(settings)
    if window >= settings.LLM_NUM_CTX_60K:
        yield (
            f"LLM_NUM_CTX_60K: is {settings.LLM_NUM_CTX_60K}, should be above LLM_NUM_CTX {window}: "
            "it is the larger window"
        )


def _answer_problems(settings: Settings) -> Iterator[str]:
    window, room = settings.LLM_NUM_CTX, settings.room_tokens
    if room <= settings.LLM_NUM_PREDICT:
        yield (
            f"LLM_NUM_PREDICT: is {settings.LLM_NUM_PREDICT}, should be below {room}: "
            f"LLM_NUM_CTX {window} less {window - room} for the instruction, with room for an article"
        )
    # Whatever the chunk: a partial summary stays below half of it, and both have to fit the room.
    third = (room + 1) // 3
    if third <= settings.MAP_REDUCE_NUM_PREDICT:
        yield (
            f"MAP_REDUCE_NUM_PREDICT: is {settings.MAP_REDUCE_NUM_PREDICT}, should be below {third}, a third of what "
            f"the instruction leaves of LLM_NUM_CTX {window}, or the rounds do not get anywhere"
        )
    else:
        yield from _chunk_problems(settings)


def _chunk_problems(settings: Settings) -> Iterator[str]:
    window, chunk, most = settings.LLM_NUM_CTX, settings.chunk_tokens, settings.most_chunk_tokens
    if chunk > most:
        yield (
            f"MAP_REDUCE_CHUNK_TOKENS: is {chunk}, should be at most {most}: LLM_NUM_CTX "
            f"{window} less {window - settings.room_tokens} for the instruction and MAP_REDUCE_NUM_PREDICT "
            f"{settings.MAP_REDUCE_NUM_PREDICT}; auto follows the window"
        )
    half = chunk // 2
    for name in ("MAP_REDUCE_OVERLAP_TOKENS", "MAP_REDUCE_NUM_PREDICT"):
        if (value := getattr(settings, name)) >= half:
            yield f"{name}: is {value}, should be below {half}, half a chunk, or the rounds do not get anywhere"


def _model_problems(settings: Settings) -> Iterator[str]:
    bases = {canonical_model_name(name) for name in (settings.LLM_MODEL, settings.MODEL_BASE_NAME)}
    for name in ("MODEL_16K_NAME", "MODEL_60K_NAME"):
        value: str = getattr(settings, name)
        if canonical_model_name(value) in bases:
            yield f"{name}: is {value!r}, should be a variant, not the base: a rollback would not reach its requests"
    if canonical_model_name(settings.MODEL_16K_NAME) == canonical_model_name(settings.MODEL_60K_NAME):
        yield (
            f"MODEL_60K_NAME: is {settings.MODEL_60K_NAME!r}, should be another model than MODEL_16K_NAME: "
            "two windows for one model restart its runner at every change"
        )
