"""A retired name in a list, a map or an option is found at its own column; in prose and in longer names it is not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.facts.parts import parts
from pytest_newscreator.checks.source.defaults import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

CONTRACT = """\
version: 1
models:
  chat: {service: llm, base: "gemma3:4b-it-qat", retired: ["gemma3:4b"]}
services:
  llm: {kind: ollama, compose: llm}
  app: {kind: http, compose: app, settings: {LLM_MODEL: {model: chat}}}
compose: {invocations: {default: {files: [compose.yaml]}}}
"""
ALONE = "version: 1\nmodels:\n  chat: {base: 'gemma3:4b-it-qat', retired: ['gemma3:4b', mistral]}\n"
COMPOSE = """\
services:
  llm: {image: 'ollama/ollama:0.24.0'}
  app:
    build: ./app
    environment:
"""
_MARKED = re.compile(r"«(.*?)»")

# In «» stand the names that must be found; every other one must not be.
VALUES = [
    "mistral,«gemma3:4b»",
    "mistral, «gemma3:4b»",
    "chat=«gemma3:4b»",
    "fast=«gemma3:4b»;slow=mistral:7b",
    "fast => «gemma3:4b»; slow => other",
    "http://ollama:11434=«gemma3:4b»,http://b:1=x",
    "«gemma3:4b»@http://b:1,x",
    "«gemma3:4b»=http://b:1",
    "http://o/?model=«gemma3:4b»&x=1",
    "--models=«gemma3:4b»,b",
    "ollama/«gemma3:4b»,openai/x",
    "«gemma3:4b»|mistral:7b",
    "[«gemma3:4b»,b]",
    "gemma3:4b-it-qat,b",
    "chat=gemma3:4b-it-qat",
    "gemma3:4b=gemma3:4b-it-qat",
    "was gemma3:4b once, or so",
    "do not use gemma3:4b",
    "s|gemma3:4b|gemma3:4b-it-qat|",
    "m==gemma3:4b",
    "up{model=gemma3:4b}",
]
JSON = [
    '{"chat":"«gemma3:4b»"}',
    '{"chat": ["x", "«gemma3:4b»"]}',
    '{"«gemma3:4b»": 8192}',
    '{"«gemma3:4b»": "http://b:1"}',
    '{"gemma3:4b": "gemma3:4b-it-qat"}',
    '{"note": "was gemma3:4b once"}',
    '{"chat": "gemma3:4b-it-qat"}',
]
# Code is read for its literals of one word.
CASES = [
    (form, value)
    for form in ("dotenv", "compose", "python")
    for value in (*VALUES, *JSON)
    if form != "python" or " " not in value
]


def _plain(text: str) -> str:
    """Return a text without its marks."""
    return _MARKED.sub(r"\1", text)


def _marks(path: str, text: str) -> list[str]:
    """Return the place of every mark."""
    return [
        f"{path}:{number}:{mark.start() + 1 - 2 * count}"
        for number, line in enumerate(text.split("\n"), 1)
        for count, mark in enumerate(_MARKED.finditer(line))
    ]


@pytest.fixture
def two(stack: Stack, tmp_path: Path) -> Stack:
    """Make a repository of a contract, an Ollama and one program."""
    made = replace(stack, root=tmp_path / "two")
    made.write("newscreator.yaml", CONTRACT)
    made.write("compose.yaml", COMPOSE + "      A: b\n")
    made.write("app/Dockerfile", "FROM python:3.12.1-slim\nCOPY . /app\n")
    return made


def _found(stack: Stack) -> list[str]:
    """Return the place of every finding about a default."""
    return [str(place) for _, place in stack.wrong(DEFAULT)]


@pytest.mark.parametrize(("form", "value"), CASES)
def test_a_name_is_found_at_its_own_column_whatever_stands_beside_it(two: Stack, form: str, value: str) -> None:
    """The same text says the same in a dotenv template, in a Compose file and in code; prose says nothing."""
    path, text = {
        "dotenv": (".env.example", f"ROUTES={value}\n"),
        "compose": ("compose.yaml", COMPOSE + f"      ROUTES: '{value}'\n"),
        "python": ("app/routes.py", f"ROUTES = '{value}'\n"),
    }[form]
    two.write(path, _plain(text))
    assert _found(two) == _marks(path, text)


def test_escapes_defaults_and_further_lines_shift_the_place(two: Stack) -> None:
    """The place is where the name is written, not where it stands in the value."""
    text = COMPOSE + (
        '      A: "{\\"chat\\": \\"«gemma3:4b»\\"}"\n'
        "      B: ${B:-mistral,«gemma3:4b»}\n"
        '      C: |\n        {"a": "gemma3:4b-it-qat",\n         "b": "«gemma3:4b»"}\n'
    )
    two.write("compose.yaml", _plain(text))
    assert _found(two) == _marks("compose.yaml", text)


def test_an_option_in_a_command_is_read_as_a_list(two: Stack) -> None:
    """`--alias=chat=NAME` and `--models=NAME,b` are words of a Compose command."""
    command = "[serve, '--alias=chat=«gemma3:4b»', '--models=«gemma3:4b»,b', '--chat=gemma3:4b-it-qat']"
    text = COMPOSE.replace("build: ./app", f"build: ./app\n    command: {command}") + "      A: b\n"
    two.write("compose.yaml", _plain(text))
    assert _found(two) == _marks("compose.yaml", text)


def test_a_bare_name_counts_in_a_list_of_models_alone(stack: Stack, tmp_path: Path) -> None:
    """`mistral` among MODELS is a model; among folders, or as a key that something is mapped from, it is a word."""
    made = replace(stack, root=tmp_path / "alone")
    made.write("newscreator.yaml", ALONE)
    text = "MODELS=x,«mistral»\nCHAT_MODELS=x «mistral»\nFOLDERS=x,mistral\nALIAS_MODELS=mistral=x\n"
    made.write(".env.example", _plain(text))
    assert _found(made) == _marks(".env.example", text)


def test_a_wrong_value_of_a_declared_setting_is_told_once(two: Stack) -> None:
    """The whole value is wrong, so that its words need no finding of their own."""
    two.write(".env.example", "LLM_MODEL=gemma3:4b,b\n")
    assert _found(two) == [".env.example:1:11"]


@pytest.mark.parametrize(
    "text", ["a=" * 20_000 + "b c", ", " * 20_000, " " * 40_000 + "=", '{"' * 20_000, "[" * 20_000]
)
def test_no_text_is_too_strange_to_be_taken_apart(text: str) -> None:
    """Whatever a value looks like, its words are taken apart, and none of these is a name."""
    assert not any(":" in part.name for part in parts(text))


@pytest.mark.parametrize("written", ["${LLM_MODEL:-«gemma3:4b»}", "«gemma3:4b»", "gemma3:4b-it-qat"])
def test_without_declared_services_every_compose_service_counts(stack: Stack, tmp_path: Path, written: str) -> None:
    """A contract of models alone says of nobody that he is not meant, a variable's dotenv line included."""
    made = replace(stack, root=tmp_path / "alone")
    made.write("newscreator.yaml", ALONE)
    compose = COMPOSE + f"      LLM_MODEL: {written}\n"
    made.write("compose.yaml", _plain(compose))
    dotenv = "LLM_MODEL=«gemma3:4b»\nB=gemma3:4b-it-qat\n"
    made.write(".env.example", _plain(dotenv))
    assert sorted(_found(made)) == [*_marks(".env.example", dotenv), *_marks("compose.yaml", compose)]


def test_with_declared_services_another_compose_service_is_nobodys_ground(two: Stack) -> None:
    """What the contract leaves out it has left out on purpose."""
    two.write("compose.yaml", COMPOSE + "      A: b\n" + "  other:\n    image: x\n    environment: {M: 'gemma3:4b'}\n")
    assert not _found(two)


@pytest.mark.parametrize("provider", ["ollama/", "ollama_chat/", "ollama:", "openai/"])
@pytest.mark.parametrize(("name", "said"), [("gemma3:4b-it-qat", []), ("gemma3:12b", ["gemma3:12b"])])
def test_a_program_may_put_the_provider_in_front(two: Stack, provider: str, name: str, said: list[str]) -> None:
    """The name behind it is what counts, and what is blamed."""
    two.write("app/main.py", f'import os\nM = os.getenv("LLM_MODEL", "{provider}{name}")\n')
    found = list(two.found(DEFAULT).values())
    assert [one.observed for one in found] == said
    assert [one.place for one in found] == [two.behind("app/main.py", provider) for _ in said]


def test_to_an_ollama_the_provider_is_part_of_the_name(two: Stack) -> None:
    """`ollama/gemma3:4b-it-qat` is a model of somebody called ollama there."""
    two.edit("newscreator.yaml", "compose: llm}", "compose: llm, settings: {PULL: {model: chat}}}")
    given = "0.24.0', environment: {PULL: «ollama/gemma3:4b-it-qat»}"
    text = COMPOSE.replace("0.24.0'", given) + "      A: b\n"
    two.write("compose.yaml", _plain(text))
    assert _found(two) == _marks("compose.yaml", text)


def test_an_empty_value_is_called_empty_and_the_contract_is_named(two: Stack) -> None:
    """The chain ends where the contract declares what should stand there."""
    two.write("compose.yaml", COMPOSE + "      LLM_MODEL: ''\n")
    (found,) = two.found(DEFAULT).values()
    assert found.headline.endswith(": LLM_MODEL is empty, the contract says gemma3:4b-it-qat")
    declared = two.behind("newscreator.yaml", "settings: {")
    assert found.chain == (f"{declared}: the contract says so",)


def test_an_empty_default_and_an_emptied_variable_have_words_of_their_own(two: Stack) -> None:
    """Nobody reads "is nothing"."""
    two.write("app/main.py", 'import os\nM = os.getenv("LLM_MODEL", "")\nos.environ["LLM_MODEL"] = ""\n')
    said = [one.message.partition(",")[0] for one in two.found(DEFAULT).values()]
    assert said == ["LLM_MODEL defaults to an empty text", "LLM_MODEL is emptied"]
