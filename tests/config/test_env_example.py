"""`.env.example` is true: it lists what can be set, with the defaults that Compose and the application have."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.resolve.compose.project import load_project
from pytest_newscreator.sources import dotenv
from pytest_newscreator.sources.compose import reader as compose
from pytest_newscreator.sources.python import reader as python
from pytest_newscreator.sources.sites import Read, Site, SourceFile, merge

if TYPE_CHECKING:
    from conftest import Stack

EXAMPLE = ".env.example"
COMPOSE_FILES = ("compose/compose.yaml", "compose/ai.yaml", "compose/cpu.yaml")
APP = "news-creator/app"
CONFIG = f"{APP}/news_creator/config/config.py"
IMAGE_FIXES = {"SERVICE_HOST", "SERVICE_PORT"}
# For a developer Ollama is on the same host, in Compose it is another service.
PLACEMENT = {"LLM_SERVICE_URL"}


def source(root: Path, path: str) -> SourceFile:
    """Return a file of the reference stack."""
    return SourceFile(path, (root / path).read_text(encoding="utf-8"))


def composed(root: Path) -> Read:
    """Return what the Compose files say together."""
    return merge(compose.read(source(root, path)) for path in COMPOSE_FILES)


def interpolated(root: Path) -> frozenset[str]:
    """Return the variables that Compose reads; HOME is one that a command reads in its container."""
    return composed(root).reads - {"HOME"}


def pairs(sites: Iterable[Site]) -> set[tuple[str, str]]:
    """Return the names of sites, each with the value it has there."""
    return {(site.setting, site.value) for site in sites if site.setting and site.value is not None}


def listed(root: Path) -> set[tuple[str, str]]:
    """Return the variables of `.env.example`, each with its value."""
    return pairs(dotenv.read(source(root, EXAMPLE)).sites)


def defaults(root: Path, service: str | None = None) -> set[tuple[str, str]]:
    """Return the variables that Compose interpolates, for one service or at all, each with its defaults."""
    sites = (site for site in composed(root).sites if site.kind == "compose-default")
    return pairs(site for site in sites if service in {None, site.scope})


def fields(root: Path) -> set[tuple[str, str]]:
    """Return the settings of the application that the image leaves open, each with its default."""
    sites = (site for site in python.read(source(root, CONFIG)).sites if site.kind == "python-field")
    return pairs(site for site in sites if site.setting not in IMAGE_FIXES)


def given(stack: Stack, dotenv_text: str) -> dict[str, str]:
    """Return the environment that the application gets on a host whose dotenv file is `dotenv_text`."""
    stack.write("compose/.env", dotenv_text)
    service = load_project(stack.root, files=COMPOSE_FILES[:1]).services["news-creator"]
    return {name: value.text for name, value in service.environment.items() if value.text is not None}


@pytest.fixture
def config(reference: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the settings of the application."""
    pytest.importorskip("pydantic_settings", reason="the application's own dependencies are not installed")
    monkeypatch.syspath_prepend(str(reference / APP))
    return importlib.import_module("news_creator.config.config")


def test_every_variable_that_compose_interpolates_is_listed_with_its_default(reference: Path) -> None:
    """Whoever reads `.env.example` sees every switch there is, and where each one stands."""
    assert defaults(reference) - listed(reference) == set()


def test_every_variable_that_compose_reads_has_a_default(reference: Path) -> None:
    """A host without any dotenv file starts the stack, and no warning about a blank string is needed."""
    assert interpolated(reference) == {name for name, _ in defaults(reference)}


def test_nothing_that_is_listed_is_unread(reference: Path) -> None:
    """A variable that nothing reads would be set in vain."""
    assert {name for name, _ in listed(reference)} - composed(reference).reads == set()


def test_a_listed_value_is_the_default_that_compose_has(reference: Path) -> None:
    """A copy of `.env.example` that nobody edits changes nothing."""
    assert listed(reference) - defaults(reference) == set()


def test_every_setting_of_the_application_has_its_own_default_in_compose(reference: Path) -> None:
    """One setting has one default, whether the service runs in Compose or by itself; only the address differs."""
    assert {name for name, _ in fields(reference) - defaults(reference, "news-creator")} == PLACEMENT


def test_every_setting_of_the_application_can_be_set_through_compose(stack: Stack) -> None:
    """What the image does not fix is handed on under its own name, a host's value included."""
    names = {name for name, _ in fields(stack.root)}
    said = given(stack, "".join(f"{name}=said-{name}\n" for name in names))
    assert said == {name: f"said-{name}" for name in names}


def test_the_application_starts_with_what_compose_gives_it(stack: Stack, config: ModuleType) -> None:
    """Read as the application reads them, Compose's defaults are the application's, to the type."""
    started = config.load_settings(**given(stack, stack.text(EXAMPLE)))
    address = "http://news-creator-backend:11434"
    assert started.model_dump() == config.load_settings(LLM_SERVICE_URL=address).model_dump()


@pytest.mark.parametrize("name", ["MAP_REDUCE_CHUNK_TOKENS", "LLM_TIMEOUT_SECONDS", "MODEL_ROUTING_ENABLED"])
def test_a_value_left_empty_is_the_default(stack: Stack, config: ModuleType, name: str) -> None:
    """`NAME=` in a dotenv file is how people say that they have no wish."""
    empty = config.load_settings(**given(stack, f"{name}=\n"))
    assert getattr(empty, name) == getattr(config.load_settings(), name)


@pytest.mark.parametrize("window", [2048, 8192, 32768])
def test_a_window_that_is_set_on_the_host_starts_the_application(stack: Stack, config: ModuleType, window: int) -> None:
    """LLM_NUM_CTX is the one variable to change: nothing else that Compose hands on contradicts it."""
    started = config.load_settings(**given(stack, f"LLM_NUM_CTX={window}\n"))
    assert window // 2 < started.chunk_tokens < window == started.LLM_NUM_CTX
