"""A request that creates a model is held to what the contract says of that model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source import creations
from pytest_newscreator.places import Place
from pytest_newscreator.sources.sites import SourceFile

if TYPE_CHECKING:
    from conftest import Stack

SCRIPT = "news-creator/seed.sh"
APP = "news-creator/app/news_creator/seed.py"
ASK = "#!/bin/sh\ncurl -s http://localhost:11434/api/create -d "


def said(stack: Stack, path: str, text: str) -> list[tuple[str, str]]:
    """Write a file, and return what is said of it: item and headline."""
    stack.write(path, text)
    return [
        (one.item, one.headline)
        for one in stack.judge()
        if one.finding and one.finding.place and one.finding.place.path == path
    ]


@pytest.mark.parametrize(
    ("body", "before", "words"),
    [
        (
            """'{"model": "gemma3-4b-16k", "parameters": {"top_k": 40, "num_ctx": 8192}}'""",
            '"num_ctx": ',
            "this request creates gemma3-4b-16k with num_ctx 8192, the contract says 16384",
        ),
        (
            r'''"{\"model\": \"gemma3-4b-60k\", \"parameters\": {\"num_batch\": 512}}"''',
            r"\"num_batch\": ",
            "this request creates gemma3-4b-60k with num_batch 512, the contract says 1024",
        ),
        (
            """@- <<EOF\n{"model": "$NAME",\n "parameters": {\n  "num_ctx": 8192}}\nEOF""",
            '"num_ctx": ',
            "this request creates a model with num_ctx 8192, the contract says 16384 or 61440",
        ),
        (
            """'{"model": "gemma3-4b-16k", "from": "llama3.2:1b"}'""",
            '"from": "',
            "this request creates gemma3-4b-16k from llama3.2:1b, the contract says gemma3:4b-it-qat",
        ),
        (
            """'{"model": "gemma3-4b-16k", "from": "gemma3:4b"}'""",
            '"from": "',
            "this request creates gemma3-4b-16k from gemma3:4b, the contract says gemma3:4b-it-qat",
        ),
    ],
)
def test_what_a_request_makes_of_a_model_is_held_to_the_contract(
    stack: Stack, body: str, before: str, words: str
) -> None:
    """It stays with the model, so it meets nobody's runner: it is wrong by itself, and told once."""
    ((item, headline),) = said(stack, SCRIPT, f"{ASK}{body}\n")
    assert item.startswith(f"modelfile[{SCRIPT} ")
    assert headline == f"{stack.behind(SCRIPT, before)}: {words}"


@pytest.mark.parametrize(
    "body",
    [
        """'{"model": "gemma3-4b-16k", "from": "gemma3:4b-it-qat", "parameters": {"num_ctx": 16384, "top_k": 40}}'""",
        """'{"model": "of-somebody-else", "from": "llama3.2:1b", "parameters": {"num_ctx": 512}}'""",
        """'{"model": "gemma3-4b-16k", "parameters": {"num_gpu": 20}}'""",
        """@- <<EOF\n{"model": "$NAME", "parameters": {"num_ctx": 61440}}\nEOF""",
    ],
)
def test_what_is_right_or_of_another_model_is_silent(stack: Stack, body: str) -> None:
    """A model that the contract does not know, an option that it does not decide."""
    assert said(stack, SCRIPT, f"{ASK}{body}\n") == []


def test_a_script_of_no_service_creates_what_it_likes(stack: Stack) -> None:
    """Without a name nothing says that it is a model of the contract."""
    body = """'{"model": "'$1'", "parameters": {"num_ctx": 8192}}'"""
    assert said(stack, "tools/scratch.sh", f"{ASK}{body}\n") == []


def test_a_question_is_still_a_matter_of_agreement(stack: Stack) -> None:
    """What is asked with `options` meets the runner of others."""
    body = """'{"model": "gemma3-4b-16k", "options": {"num_ctx": 8192, "num_batch": 1024}}'"""
    ((item, headline),) = said(stack, SCRIPT, f"{ASK.replace('create', 'generate')}{body}\n")
    assert item == f"context-agreement[{SCRIPT} num_ctx]"
    assert "meets num_ctx 16384 of gemma3-4b-16k" in headline


@pytest.mark.parametrize(
    "call",
    [
        'httpx.post(f"{URL}/api/create", json={"model": "gemma3-4b-16k", "parameters": {"num_ctx": 8192}})',
        'ollama.Client().create(model="gemma3-4b-16k", parameters={"num_ctx": 8192})',
    ],
)
def test_python_creates_models_too(stack: Stack, call: str) -> None:
    """By a request, or by Ollama's own client."""
    ((_, headline),) = said(stack, APP, f"import httpx, ollama\n\n{call}\n")
    place = stack.behind(APP, '"num_ctx": ')
    assert headline == f"{place}: this request creates gemma3-4b-16k with num_ctx 8192, the contract says 16384"


@pytest.mark.parametrize(
    ("call", "before"),
    [
        ("ollama.create('gemma3-4b-16k', parameters={'num_ctx': 8192})", "'num_ctx': "),
        ("ollama.create('gemma3-4b-16k', parameters=dict(top_k=40, num_ctx=8192))", "num_ctx="),
        (
            "ollama.create('gemma3-4b-16k', stop=[')', '('], parameters={'top_k': int('40'), 'num_ctx': 8192})",
            "'num_ctx': ",
        ),
    ],
)
def test_parameters_are_what_a_call_names_so(stack: Stack, call: str, before: str) -> None:
    """By its keyword, as a display or as `dict(...)`; parentheses in texts and around values are no objects."""
    ((_, headline),) = said(stack, APP, f"import ollama\n\n{call}\n")
    place = stack.behind(APP, before)
    assert headline == f"{place}: this request creates gemma3-4b-16k with num_ctx 8192, the contract says 16384"


@pytest.mark.parametrize(
    "call",
    [
        "ollama.create('gemma3-4b-16k', parameters=dict(num_ctx=16384))",
        "ollama.create('gemma3-4b-16k', parameters={'num_ctx': 16384}, license=dict(num_ctx=8192))",
        "ollama.create('gemma3-4b-16k', parameters={'top_k': 40}); show(table={'num_ctx': 8192})",
    ],
)
def test_what_stands_beside_the_parameters_is_none_of_them(stack: Stack, call: str) -> None:
    """Only what is inside of the object becomes a part of the model."""
    found = [one for _, one in said(stack, APP, f"import ollama\n\n{call}\n") if "this request creates" in one]
    assert found == []


def test_a_file_is_looked_through_once_however_many_members_it_has() -> None:
    """Thousands of members in one table are one pass over its brackets."""
    text = (
        "client.create(x)\n"
        + "".join(f"k{n} = {{'num_ctx': {n}}}\n" for n in range(500))
        + "parameters = {'num_ctx': 1}\n"
    )
    source = SourceFile("once.py", text)
    objects = creations._objects(source)
    assert objects is not None
    assert objects is creations._objects(SourceFile("once.py", text))
    inside = [line for line in range(1, 503) if objects.is_in_parameters(Place("once.py", line, 16))]
    assert inside == [502]
