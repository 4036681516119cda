"""The 93 configuration tests: each setting's default, override and bad value, and how settings agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from pydantic import ValidationError

from news_creator.config.config import ConfigError, Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


class Case(NamedTuple):
    """One setting: its default, another value as text and as it is understood, a bad one and what is said of it."""

    name: str
    default: object
    text: str
    value: object
    bad: str
    wanted: str


CASES = (
    Case(
        "LLM_SERVICE_URL", "http://localhost:11434", "https://ai.example/", "https://ai.example", "ai:11434", "http://"
    ),
    Case("LLM_MODEL", "gemma3:4b-it-qat", "gemma3:4b", "gemma3:4b", "", "a model name"),
    Case("MODEL_BASE_NAME", "gemma3:4b-it-qat", "library/gemma3:4b", "library/gemma3:4b", "gemma3:", "a model name"),
    Case("MODEL_16K_NAME", "gemma3-4b-16k", "news-16k", "news-16k", "", "a model name"),
    Case("MODEL_60K_NAME", "gemma3-4b-60k", "news-60k", "news-60k", "news 60k", "a model name"),
    Case("MODEL_ROUTING_ENABLED", False, "true", True, "perhaps", "a valid boolean"),
    Case("LLM_NUM_CTX", 16384, "32768", 32768, "16k", "a valid integer"),
    Case("LLM_NUM_CTX_60K", 61440, "131072", 131072, "131073", "less than or equal to 131072"),
    Case("LLM_NUM_BATCH", 1024, "512", 512, "0", "greater than or equal to 1"),
    Case("LLM_NUM_PREDICT", 512, "1024", 1024, "-1", "greater than or equal to 1"),
    Case("LLM_TEMPERATURE", 0.15, "0", 0.0, "2.1", "less than or equal to 2"),
    Case("LLM_TOP_P", 0.85, "1", 1.0, "0", "greater than 0"),
    Case("LLM_TOP_K", 40, "1", 1, "4.5", "a valid integer"),
    Case("LLM_REPEAT_PENALTY", 1.15, "1.0", 1.0, "nan", "a finite number"),
    Case("LLM_KEEP_ALIVE", "24h", "1h30m", "1h30m", "1 hour", "a Go duration"),
    Case("LLM_TIMEOUT_SECONDS", 600.0, "0.5", 0.5, "10 min", "a valid number"),
    Case("LLM_CONNECT_TIMEOUT_SECONDS", 5.0, "1", 1.0, "0", "greater than 0"),
    Case("LLM_CHARS_PER_TOKEN", 1.0, "2", 2.0, "0.1", "greater than or equal to 0.25"),
    Case("MAP_REDUCE_CHUNK_TOKENS", "auto", "8192", 8192, "0", "greater than or equal to 4, or auto"),
    Case("MAP_REDUCE_OVERLAP_TOKENS", 256, "0", 0, "-1", "greater than or equal to 0"),
    Case("MAP_REDUCE_NUM_PREDICT", 256, "128", 128, "0", "greater than or equal to 1"),
    Case("MAP_REDUCE_MAX_CHUNKS", 32, "1", 1, "0", "greater than or equal to 1"),
    Case("MAP_REDUCE_MAX_ROUNDS", 6, "1", 1, "17", "less than or equal to 16"),
    Case("MAP_REDUCE_CONCURRENCY", 1, "4", 4, "0", "greater than or equal to 1"),
    Case("HEALTH_TIMEOUT_SECONDS", 60.0, "5", 5.0, "inf", "a finite number"),
    Case("SERVICE_HOST", "127.0.0.1", "::1", "::1", "http://0.0.0.0", "a host name or IP address"),
    Case("SERVICE_PORT", 8001, "9000", 9000, "65536", "less than or equal to 65535"),
    Case("LOG_LEVEL", "INFO", "debug", "DEBUG", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
)
each_setting = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_setting
def test_a_setting_has_its_default_where_the_environment_is_silent(case: Case) -> None:
    """The defaults are the migration's: base, variants, windows and sampling as the contract names them."""
    assert getattr(load_settings(), case.name) == case.default


@each_setting
def test_the_environment_overrides_a_default(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the setting's name wins over the default, read as the setting's type."""
    monkeypatch.setenv(case.name, case.text)
    value = getattr(load_settings(), case.name)
    assert (value, type(value)) == (case.value, type(case.value))


@each_setting
def test_a_bad_value_is_one_line_with_name_value_and_what_is_allowed(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the error can mend it without reading the source."""
    monkeypatch.setenv(case.name, case.bad)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    said = str(caught.value)
    assert said.startswith(f"{case.name}: is {case.bad!r}, should be ")
    assert case.wanted in said
    assert len(said.splitlines()) == 1


def test_a_summary_must_leave_room_for_an_article_in_the_window() -> None:
    """A window that instruction and answer fill has no room for what is to be summarised."""
    with pytest.raises(ConfigError, match=r"^LLM_NUM_PREDICT: is 16200, should be below 1\d{4}: LLM_NUM_CTX 16384"):
        load_settings(LLM_NUM_PREDICT=16200)


def test_a_chunk_must_fit_the_window_with_its_instruction_and_partial_summary() -> None:
    """A chunk as long as the window would be refused by Ollama at every request."""
    with pytest.raises(ConfigError, match=r"^MAP_REDUCE_CHUNK_TOKENS: is 16384, should be at most 1\d{4}: LLM_NUM_CTX"):
        load_settings(MAP_REDUCE_CHUNK_TOKENS=16384)


def test_an_overlap_of_half_a_chunk_is_refused() -> None:
    """Chunks that mostly repeat each other never get to the end of the article."""
    with pytest.raises(ConfigError, match=r"^MAP_REDUCE_OVERLAP_TOKENS: is 500, should be below 500"):
        load_settings(MAP_REDUCE_CHUNK_TOKENS=1000, MAP_REDUCE_OVERLAP_TOKENS=500)


def test_partial_summaries_of_half_a_chunk_are_refused() -> None:
    """Partial summaries that are hardly shorter than their chunks never fit one prompt."""
    with pytest.raises(ConfigError, match=r"^MAP_REDUCE_NUM_PREDICT: is 600, should be below 500"):
        load_settings(MAP_REDUCE_CHUNK_TOKENS=1000, MAP_REDUCE_NUM_PREDICT=600)


def test_the_60k_window_must_be_the_larger_one() -> None:
    """Routing to a window that is no larger would send long articles where they fit no better."""
    with pytest.raises(ConfigError, match=r"^LLM_NUM_CTX_60K: is 16384, should be above LLM_NUM_CTX 16384"):
        load_settings(LLM_NUM_CTX_60K=16384)


def test_a_variant_that_is_the_base_is_refused_however_it_is_spelled() -> None:
    """A request that names the base is not reached by a rollback that restarts the backend alone."""
    with pytest.raises(ConfigError, match=r"^MODEL_16K_NAME: is 'library/GEMMA3:4b-it-qat', should be a variant"):
        load_settings(MODEL_16K_NAME="library/GEMMA3:4b-it-qat")


def test_one_model_cannot_have_two_windows() -> None:
    """One model asked with two context lengths has its runner restarted at every change."""
    with pytest.raises(ConfigError, match=r"^MODEL_60K_NAME: is 'gemma3-4b-16k:latest', should be another model"):
        load_settings(MODEL_60K_NAME="gemma3-4b-16k:latest")


def test_a_dotenv_file_in_the_working_directory_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose reads .env; a program that reads it too can disagree with what its container was given."""
    (tmp_path / ".env").write_text("LLM_MODEL=gemma3:4b\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings().LLM_MODEL == "gemma3:4b-it-qat"


def test_settings_cannot_be_changed_once_they_are_read() -> None:
    """What was checked at the start is what holds until the end."""
    settings: Settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.LLM_NUM_CTX = 4096
