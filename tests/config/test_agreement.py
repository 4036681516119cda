"""A request option is compared with the one variant that the request is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.sources import python, shell
from pytest_newscreator.sources.sites import SourceFile

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
APP = "news-creator/app/news_creator/added.py"
WARM = "news-creator/warm.sh"
CONFIG = "news-creator/app/news_creator/config/config.py"
MODELFILE = "news-creator/Modelfile.gemma3-4b-16k"
CONTRACT = "newscreator.yaml"
CURL = "#!/bin/sh\ncurl localhost:11434/api/generate -d '{%s}'\n"
CROSSED = {
    "call": (APP, 'import ollama\nollama.chat(model="gemma3-4b-16k", options={"num_ctx": 61440})\n'),
    "first argument": (APP, 'import ollama\nollama.chat("gemma3-4b-16k", options={"num_ctx": 61440})\n'),
    "constant": (APP, 'import ollama\nM = "gemma3-4b-16k"\nollama.chat(model=M, options={"num_ctx": 61440})\n'),
    "dict": (APP, 'BODY = {"model": "gemma3-4b-16k:latest", "options": {"num_ctx": 61440}}\n'),
    "body of curl": (WARM, CURL % '"options": {"num_ctx": 61440}, "model": "gemma3-4b-16k"'),
}
SILENT = {
    "right window": (APP, 'import ollama\nollama.chat(model="gemma3-4b-60k", options={"num_ctx": 61440})\n'),
    "model of another stack": (APP, 'import ollama\nollama.embed(model="bge-m3", options={"num_ctx": 2048})\n'),
    "base of the variants": (APP, 'BODY = {"model": "gemma3:4b-it-qat", "options": {"num_ctx": 2048}}\n'),
    "computed model and a window of one variant": (APP, "def ask(m):\n    call(model=m, options={'num_ctx': 61440})\n"),
    "body of curl": (WARM, CURL % '"model": "bge-m3", "options": {"num_ctx": 2048}'),
}


@pytest.mark.parametrize(("path", "text"), CROSSED.values(), ids=CROSSED)
def test_a_window_of_another_variant_is_found(stack: Stack, path: str, text: str) -> None:
    """That some variant has this window does not make it right for the one that is asked."""
    stack.write(path, text)
    (broken,) = stack.broken()
    assert broken.item == f"context-agreement[{path} num_ctx]"
    assert "num_ctx 61440 of a request written here meets num_ctx 16384 of gemma3-4b-16k: " in broken.headline


@pytest.mark.parametrize(("path", "text"), SILENT.values(), ids=SILENT)
def test_a_request_for_another_model_is_no_finding(stack: Stack, path: str, text: str) -> None:
    """Only the variant that a request names has a runner that the request could restart."""
    stack.write(path, text)
    assert not stack.broken()


def test_a_setting_is_held_to_the_variant_named_first(stack: Stack) -> None:
    """The 60K window, declared and given everywhere, still goes to the 16K model."""
    stack.edit(CONTRACT, "LLM_NUM_CTX: 16384", "LLM_NUM_CTX: 61440")
    stack.edit(AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-61440}")
    stack.edit(".env.example", "LLM_NUM_CTX=16384", "LLM_NUM_CTX=61440")
    stack.edit(CONFIG, "LLM_NUM_CTX: ContextTokens = 16384", "LLM_NUM_CTX: ContextTokens = 61440")
    (broken,) = stack.broken()
    assert broken.item == "context-agreement[default app num_ctx]"
    assert "meets num_ctx 16384 of gemma3-4b-16k" in broken.headline


def test_a_service_that_declares_no_address_is_held_to_its_variant_too(stack: Stack) -> None:
    """The variant comes from the settings; `uses` is about where it is served."""
    text = stack.text(CONTRACT)
    start = text.index("            uses: {news: LLM_SERVICE_URL}}")
    stack.write(CONTRACT, text[:start] + "            }\n" + text[text.index("gpus:") :])
    stack.edit(MODELFILE, "num_batch 1024", "num_batch 512")
    said = {judgement.item: judgement.status for judgement in stack.judge()}
    assert said["context-agreement[default app num_batch]"] == "not_verified"
    assert said["modelfile[gemma3-4b-16k num_batch]"] == "failed"


def test_an_option_lost_from_a_modelfile_is_one_finding(stack: Stack) -> None:
    """The Modelfile is to blame; nobody is told to send another variant's window."""
    stack.edit(MODELFILE, "PARAMETER num_ctx 16384\n", "")
    assert [judgement.item for judgement in stack.broken()] == ["modelfile[gemma3-4b-16k num_ctx]"]


def test_a_lost_modelfile_is_one_finding(stack: Stack) -> None:
    """What it stated can be compared with nothing."""
    (stack.root / MODELFILE).unlink()
    said = {judgement.item: judgement for judgement in stack.judge()}
    assert [item for item, one in said.items() if one.status == "failed"] == ["modelfile[gemma3-4b-16k file]"]
    reason = "the Modelfile of gemma3-4b-16k states no num_ctx: `modelfile` says so"
    assert said["context-agreement[default app num_ctx]"].reason == reason


def test_an_option_that_restarts_nothing_is_not_said_to(stack: Stack) -> None:
    """A temperature is each request's own."""
    stack.edit(CONTRACT, "LLM_TEMPERATURE: 0.15", "LLM_TEMPERATURE: 0.7")
    for path in (AI, ".env.example", CONFIG):
        text = stack.text(path)
        stack.write(path, text.replace(":-0.15}", ":-0.7}").replace("TURE=0.15", "TURE=0.7").replace("= 0.15", "= 0.7"))
    (broken,) = stack.broken()
    assert broken.headline.endswith("meets temperature 0.15 of gemma3-4b-16k: the request overrides the model")


def options(text: str) -> list[tuple[str | None, str | None]]:
    """Return value and model of each `num_ctx` of a Python file."""
    sites = python.read(SourceFile("app.py", text)).sites
    return [(site.value, site.model) for site in sites if site.setting == "num_ctx"]


def test_the_innermost_request_names_the_model() -> None:
    """A call inside another one's arguments is a request of its own."""
    text = 'run(model="a", then=chat(model="b", options={"num_ctx": 2}), options={"num_ctx": 1})\n'
    assert options(text) == [("2", "b"), ("1", "a")]


def test_a_body_of_several_models_names_none() -> None:
    """Which option is whose, a list of requests does not tell."""
    body = '[{"model": "a", "num_ctx": 1}, {"model": "b", "num_ctx": 2}]'
    sites = shell.read(SourceFile("warm.sh", f"curl -d '{body}' localhost\n")).sites
    assert {site.model for site in sites if site.setting == "num_ctx"} == {None}
