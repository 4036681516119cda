"""A request option is compared with the one variant that the request is for, or with every request that meets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings, Judged
from pytest_newscreator.checks.source.agreement import CONTEXT_AGREEMENT
from pytest_newscreator.contract.load import load
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.sources.python import reader as python
from pytest_newscreator.sources.shell import reader as shell
from pytest_newscreator.sources.sites import SourceFile

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

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
    start = text.index("            uses: {news: LLM_SERVICE_URL},")
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


SMALL = """
version: 1
models:
  chat: {service: talk, base: "qwen3:8b", variants: {fast: {}, long: {modelfile: talk/Modelfile.long}}}
  title: {service: talk, base: "qwen3:8b"}
  other: {service: second, base: "qwen3:8b"}
services:
  talk: {kind: ollama, compose: talk}
  second: {kind: ollama, compose: second}
  app: {kind: http, compose: app, port: 1, settings: {MODEL: MODEL_OF_APP, CTX: [4096, 8192]},
        options: {num_ctx: CTX}, uses: {chat: URL}}
  worker: {kind: http, compose: worker, port: 2, settings: {MODEL: MODEL_OF_WORKER, WINDOW: [4096, 8192]},
           options: {num_ctx: WINDOW}, uses: {USED: URL}}
compose: {invocations: {default: {files: [compose.yaml]}, small: {files: [compose.yaml], environment: {CTX: "4096"}}}}
"""
PROJECT = """services:
  talk: {build: talk}
  second: {build: second}
  app: {build: app, environment: {MODEL: "x", CTX: "${CTX:-8192}"}}
  worker: {build: worker, environment: {MODEL: "x", WINDOW: "8192"}}
"""
GENERATE = "curl -s http://localhost:11434/api/generate -d '%s'\n"
MEETS = "context-agreement[small worker num_ctx]"


def small(root: Path, *, app: str = "qwen3:8b", worker: str = "qwen3:8b", used: str = "chat", **files: str) -> Path:
    """Write a stack of two servers and two clients; each keyword more is a file, `__` being `/` and `_dot_` a dot."""
    contract = SMALL.replace("MODEL_OF_APP", f'"{app}"').replace("MODEL_OF_WORKER", f'"{worker}"')
    written = {"newscreator.yaml": contract.replace("USED", used), "compose.yaml": PROJECT}
    written |= {f"{name}/Dockerfile": "FROM scratch\n" for name in ("talk", "second", "app", "worker")}
    written["talk/Modelfile.long"] = "FROM qwen3:8b\nPARAMETER num_ctx 8192\n"
    for path, text in {**written, **{p.replace("__", "/").replace("_dot_", "."): t for p, t in files.items()}}.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def met(root: Path) -> dict[str, Finding | None]:
    """Return what is found, by item."""
    findings = Findings((CONTEXT_AGREEMENT,), Repository(load(root / "newscreator.yaml"), registry.readers()))
    judged: list[Judged] = list(findings.all())
    assert not [one for one in judged if one.unverified]
    return {one.item: one.finding for one in judged}


def test_two_services_that_ask_one_name_must_send_one_window(tmp_path: Path) -> None:
    """No Modelfile states it, so whoever asks last decides, and the runner starts again."""
    said = met(small(tmp_path))
    assert said["context-agreement[default worker num_ctx]"] is None
    finding = said[MEETS]
    assert finding is not None
    assert finding.place == Place("compose.yaml", 5, 62)
    assert finding.message == (
        "num_ctx 8192 of worker's WINDOW (invocation small) meets num_ctx 4096 of app's CTX (invocation small), "
        "both for qwen3:8b on talk: each turn restarts the runner"
    )
    assert finding.causes == (Place("newscreator.yaml", 14, 59),)


APART = {
    "another server": {"used": "other"},
    "another name": {"worker": "fast"},
    "a variant with its Modelfile": {"worker": "long"},
}


@pytest.mark.parametrize("how", APART.values(), ids=APART)
def test_requests_that_meet_no_runner_of_each_other_are_not_compared(tmp_path: Path, how: dict[str, str]) -> None:
    """Another server, another model, or one whose Modelfile states the option."""
    said = met(small(tmp_path, **how))
    assert not any(said.values())
    assert "num_ctx" in "".join(said) if how.get("worker") == "long" else MEETS not in said


def test_two_models_of_one_base_on_one_server_are_one_runner(tmp_path: Path) -> None:
    """The contract has two names for it, Ollama has one blob."""
    assert met(small(tmp_path, used="title"))[MEETS] is not None


def test_a_variant_that_nothing_makes_is_held_to_its_other_clients(tmp_path: Path) -> None:
    """It has no Modelfile to be held to."""
    finding = met(small(tmp_path, app="fast", worker="fast"))[MEETS]
    assert finding is not None
    assert "both for fast on talk" in finding.message


def test_an_option_that_the_modelfile_leaves_out_is_held_to_the_other_clients(tmp_path: Path) -> None:
    """The Modelfile is there and says nothing of it."""
    root = small(tmp_path, app="long", worker="long", talk__Modelfile_dot_long="FROM qwen3:8b\n")
    finding = met(root)[MEETS]
    assert finding is not None
    assert "both for long on talk" in finding.message


def test_a_program_default_is_what_is_sent_where_nothing_gives_the_setting(tmp_path: Path) -> None:
    """It counts as much as one of Compose."""
    root = small(tmp_path, worker__main_dot_py='import os\nWINDOW = int(os.getenv("WINDOW", "2048"))\n')
    (root / "compose.yaml").write_text(PROJECT.replace(', WINDOW: "8192"', ""), encoding="utf-8")
    finding = met(root)["context-agreement[default worker num_ctx]"]
    assert finding is not None
    assert finding.place is not None
    assert (finding.place.path, finding.place.line, finding.observed) == ("worker/main.py", 2, "2048")


def test_two_written_requests_for_one_name_must_agree(tmp_path: Path) -> None:
    """The later one is named, with the place of the earlier one; a request for the other server is none of theirs."""
    ask = 'import ollama\nollama.chat(model="{}", options={{"num_batch": {}}})\n'
    root = small(
        tmp_path,
        used="other",
        app__a_dot_py=ask.format("qwen3:8b", 256),
        app__b_dot_py=ask.format("qwen3:8b", 1024),
        app__c_dot_py=ask.format("qwen3:8b", 256),
        app__d_dot_py=ask.format("qwen3:14b", 64),
        worker__e_dot_py=ask.format("qwen3:8b", 64),
    )
    said = met(root)
    assert [item for item, finding in said.items() if finding] == [
        "context-agreement[app/b.py num_batch]",
        "context-agreement[app/c.py num_batch]",
    ]
    finding = said["context-agreement[app/b.py num_batch]"]
    assert finding is not None
    assert finding.place == Place("app/b.py", 2, 53)
    assert finding.causes == (Place("app/a.py", 2, 53),)


PRELOADS = {
    "one line": (GENERATE % '{"model": "qwen3:8b"}', 1, 60),
    "escaped": ('curl -X POST "$HOST/api/chat" -d "{\\"model\\": \\"qwen3:8b\\"}"\n', 1, 49),
    "continued": ('curl "$HOST/api/generate" \\\n  -d \'{"model": "qwen3:8b", "keep_alive": -1}\'\n', 2, 18),
    "here-document": ('curl "$HOST/api/generate" -d @- <<EOF\n{"model": "qwen3:8b"}\nEOF\n', 2, 12),
    "several lines": ('curl "$HOST/v1/chat/completions" -d \'{\n  "model": "qwen3:8b"\n}\'\n', 2, 13),
}


@pytest.mark.parametrize(("script", "line", "column"), PRELOADS.values(), ids=PRELOADS)
def test_a_preload_that_sends_no_window_meets_the_service_that_does(
    tmp_path: Path, script: str, line: int, column: int
) -> None:
    """It loads the model with the server's own window; the first real request then starts the runner again."""
    said = met(small(tmp_path, used="other", talk__warm_dot_sh=f"#!/bin/sh\n{script}"))
    finding = said["context-agreement[talk/warm.sh num_ctx]"]
    assert finding is not None
    assert finding.place == Place("talk/warm.sh", line + 1, column)
    assert finding.lacks == "num_ctx"
    assert finding.message.startswith("no num_ctx of a request written here meets num_ctx 8192 of app's CTX")


HARMLESS = {
    "a pull": 'curl http://localhost:11434/api/pull -d \'{"model": "qwen3:8b"}\'\n',
    "an unknown address": 'curl "$ADDRESS" -d \'{"model": "qwen3:8b"}\'\n',
    "an unload": GENERATE % '{"model": "qwen3:8b", "keep_alive": 0}',
    "the window of a variable": GENERATE.replace("'", '"') % '{\\"model\\": \\"qwen3:8b\\", \\"num_ctx\\": $CTX}',
    "another model": GENERATE % '{"model": "bge-m3"}',
    "a variant with its Modelfile": GENERATE % '{"model": "long"}',
}


@pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)
def test_a_request_that_loads_nothing_else_is_no_preload(tmp_path: Path, script: str) -> None:
    """What does not load, what may send the window, and what nobody asks with one."""
    said = met(small(tmp_path, used="other", talk__warm_dot_sh=f"#!/bin/sh\n{script}"))
    assert not any(said.values())


def test_a_preload_of_another_server_meets_nobody(tmp_path: Path) -> None:
    """The same name, on the host that the client does not ask."""
    said = met(small(tmp_path, second__warm_dot_sh="#!/bin/sh\n" + GENERATE % '{"model": "qwen3:8b"}'))
    assert "context-agreement[second/warm.sh num_ctx]" not in said


def test_a_preload_takes_the_window_that_the_server_has(tmp_path: Path) -> None:
    """OLLAMA_CONTEXT_LENGTH is what a request without num_ctx is given."""
    body = '{"model": "qwen3:8b"}'
    root = small(tmp_path, used="other", talk__warm_dot_sh=f"#!/bin/sh\n{GENERATE % body}")
    own = 'talk: {build: talk, environment: {OLLAMA_CONTEXT_LENGTH: "8192"}}'
    (root / "compose.yaml").write_text(
        PROJECT.replace("talk: {build: talk}", own).replace("${CTX:-8192}", "8192"), encoding="utf-8"
    )
    assert not any(met(root).values())


def test_a_window_without_a_named_model_is_held_to_the_services_own_servers(tmp_path: Path) -> None:
    """A client of the other server never meets the Modelfile of this one."""
    text = 'import ollama\ndef ask(m):\n    ollama.chat(model=m, options={"num_ctx": 2048})\n'
    assert not any(met(small(tmp_path, worker="fast", used="other", worker__ask_dot_py=text)).values())
    said = met(small(tmp_path, worker="fast", worker__ask_dot_py=text))
    assert said["context-agreement[worker/ask.py num_ctx]"] is not None


def test_a_request_without_options_in_a_clients_own_script_is_no_preload(tmp_path: Path) -> None:
    """Only what runs beside the server loads a model before its clients come."""
    body = '{"model": "qwen3:8b"}'
    said = met(small(tmp_path, used="other", app__smoke_dot_sh=f"#!/bin/sh\n{GENERATE % body}"))
    assert "context-agreement[app/smoke.sh num_ctx]" not in said


def test_two_preloads_that_leave_everything_open_have_nothing_to_agree_on(tmp_path: Path) -> None:
    """Nobody sends a num_batch."""
    twice = "#!/bin/sh\n" + 2 * (GENERATE % '{"model": "qwen3:8b"}')
    assert not any("num_batch" in item for item in met(small(tmp_path, used="other", talk__warm_dot_sh=twice)))


def test_a_negative_num_gpu_takes_what_is_loaded(tmp_path: Path) -> None:
    """Ollama compares only a number that somebody decided."""
    ask = 'import ollama\nollama.chat(model="qwen3:8b", options={{"num_gpu": {}}})\n'
    files = {"app__a_dot_py": ask.format(20), "app__b_dot_py": ask.format(-1), "app__c_dot_py": ask.format(30)}
    said = met(small(tmp_path, used="other", **files))
    assert [item for item, finding in said.items() if finding] == ["context-agreement[app/c.py num_gpu]"]


def test_a_request_that_names_its_model_counts_wherever_it_is_written(tmp_path: Path) -> None:
    """A nightly script is in nobody's image, and its request goes to the same runner."""
    body = '{"model": "long", "options": {"num_ctx": 16384}}'
    said = met(small(tmp_path, app="long", worker="fast", scripts__nightly_dot_sh=f"#!/bin/sh\n{GENERATE % body}"))
    finding = said["context-agreement[scripts/nightly.sh num_ctx]"]
    assert finding is not None
    assert finding.place == Place("scripts/nightly.sh", 2, 90)
