"""One drift in the reference stack is one finding, at its place and in its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
START = "news-creator/entrypoint-backend.sh"
CONFIG = "news-creator/app/news_creator/config/config.py"
APP = "news-creator/app/news_creator/added.py"
MODELFILE = "news-creator/Modelfile.gemma3-4b-16k"
DOCKERFILE = "news-creator/Dockerfile.backend"
EXAMPLE = ".env.example"
CONTRACT = "newscreator.yaml"

BASE = "the contract says gemma3:4b-it-qat"
RETIRED = "retired by the contract, the base is gemma3:4b-it-qat"
CONTEXT = "the contract says 16384"


@dataclass(frozen=True, slots=True)
class Drift:
    """An edit (`old` None: a new file), the item that must speak, what stands before the blamed text, the message."""

    path: str
    old: str | None
    new: str
    item: str
    before: str
    message: str


DRIFTS = {
    "default in Compose": Drift(
        AI, "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL:-gemma3:4b}",
        f"default[{AI} OLLAMA_BASE_MODEL]", "${OLLAMA_BASE_MODEL:-", f"OLLAMA_BASE_MODEL defaults to gemma3:4b, {BASE}",
    ),
    "default with a dash alone": Drift(
        AI, "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL-gemma3:4b}",
        f"default[{AI} OLLAMA_BASE_MODEL]", "${OLLAMA_BASE_MODEL-", f"OLLAMA_BASE_MODEL defaults to gemma3:4b, {BASE}",
    ),
    "default of the application's block": Drift(
        AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "${LLM_MODEL:-gemma3:4b}",
        f"default[{AI} LLM_MODEL]", "${LLM_MODEL:-", f"LLM_MODEL defaults to gemma3:4b, {BASE}",
    ),
    "name that only begins like the base": Drift(
        AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "${LLM_MODEL:-gemma3:4b-it-qatx}",
        f"default[{AI} LLM_MODEL]", "${LLM_MODEL:-", f"LLM_MODEL defaults to gemma3:4b-it-qatx, {BASE}",
    ),
    "number in Compose": Drift(
        AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-8192}",
        f"default[{AI} LLM_NUM_CTX]", "${LLM_NUM_CTX:-", f"LLM_NUM_CTX defaults to 8192, {CONTEXT}",
    ),
    "literal in Compose": Drift(
        AI, "${LLM_NUM_CTX:-16384}", "8192",
        f"default[{AI} LLM_NUM_CTX]", "LLM_NUM_CTX: ", f"LLM_NUM_CTX is 8192, {CONTEXT}",
    ),
    "number that only Python would read": Drift(
        AI, "${LLM_NUM_CTX:-16384}", '"16_384"',
        f"default[{AI} LLM_NUM_CTX]", 'LLM_NUM_CTX: "', f"LLM_NUM_CTX is 16_384, {CONTEXT}",
    ),
    "another variable behind a setting": Drift(
        AI, "${LLM_NUM_CTX:-16384}", "${SUMMARY_CTX:-8192}",
        f"default[{AI} SUMMARY_CTX]", "${SUMMARY_CTX:-", f"SUMMARY_CTX defaults to 8192, {CONTEXT}",
    ),
    "nested default": Drift(
        AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "${LLM_MODEL:-${BASE_OF_ALL:-gemma3:4b}}",
        f"default[{AI} LLM_MODEL]", "${BASE_OF_ALL:-", f"LLM_MODEL defaults to gemma3:4b, {BASE}",
    ),
    "variable without a default": Drift(
        AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX}",
        "resolved[default app LLM_NUM_CTX]", "LLM_NUM_CTX: ",
        f"app is given LLM_NUM_CTX=, {CONTEXT} (invocation default)",
    ),
    "variable that must be given and is not": Drift(
        AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:?}",
        "resolved[default]", "LLM_NUM_CTX: ",
        "invocation default does not resolve: required variable LLM_NUM_CTX is missing a value",
    ),
    "health check that asks for the old base": Drift(
        AI, "ollama show gemma3-4b-60k", "ollama show gemma3:4b",
        f"default[{AI} literal gemma3:4b]", "/dev/null && ollama show ", f"gemma3:4b is {RETIRED}",
    ),
    "setting deleted from Compose": Drift(
        AI, "      OLLAMA_NUM_PARALLEL: ${OLLAMA_NUM_PARALLEL:-1}\n", "",
        "resolved[default backend OLLAMA_NUM_PARALLEL]", "services:\n  ",
        "nothing gives OLLAMA_NUM_PARALLEL to backend, the contract says 1 (invocation default)",
    ),
    "switch deleted from Compose": Drift(
        AI, "      OLLAMA_BASE_MODEL: ${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}\n", "",
        "resolved[rollback backend OLLAMA_BASE_MODEL]", "services:\n  ",
        "nothing gives OLLAMA_BASE_MODEL to backend, its own default is gemma3:4b-it-qat,"
        " the contract says gemma3:4b (invocation rollback)",
    ),
    "setting of an override file": Drift(
        CPU, "services:\n", "services:\n  news-creator:\n    environment:\n      LLM_NUM_CTX: 8192\n",
        f"default[{CPU} LLM_NUM_CTX]", "LLM_NUM_CTX: ", f"LLM_NUM_CTX is 8192, {CONTEXT}",
    ),
    "list form of an override file": Drift(
        CPU, "services:\n", "services:\n  news-creator:\n    environment:\n      - LLM_NUM_CTX=8192\n",
        f"default[{CPU} LLM_NUM_CTX]", "LLM_NUM_CTX=", f"LLM_NUM_CTX is 8192, {CONTEXT}",
    ),
    "start script": Drift(
        START, "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL:-gemma3:4b}",
        f"default[{START} OLLAMA_BASE_MODEL]", "${OLLAMA_BASE_MODEL:-",
        f"OLLAMA_BASE_MODEL defaults to gemma3:4b, {BASE}",
    ),
    "model of the application": Drift(
        CONFIG, 'LLM_MODEL: ModelName = "gemma3:4b-it-qat"', 'LLM_MODEL: ModelName = "gemma3:4b"',
        f"default[{CONFIG} LLM_MODEL]", 'LLM_MODEL: ModelName = "', f"LLM_MODEL defaults to gemma3:4b, {BASE}",
    ),
    "context of the application": Drift(
        CONFIG, "LLM_NUM_CTX: ContextTokens = 16384", "LLM_NUM_CTX: ContextTokens = 8_192",
        f"default[{CONFIG} LLM_NUM_CTX]", "LLM_NUM_CTX: ContextTokens = ", f"LLM_NUM_CTX defaults to 8192, {CONTEXT}",
    ),
    "template of the dotenv file": Drift(
        EXAMPLE, "OLLAMA_BASE_MODEL=gemma3:4b-it-qat", "OLLAMA_BASE_MODEL=gemma3:4b",
        f"default[{EXAMPLE} OLLAMA_BASE_MODEL]", "\nOLLAMA_BASE_MODEL=", f"OLLAMA_BASE_MODEL is gemma3:4b, {BASE}",
    ),
    "base of a Modelfile": Drift(
        MODELFILE, "FROM gemma3:4b-it-qat", "FROM gemma3:4b",
        "modelfile[gemma3-4b-16k FROM]", "\nFROM ", f"FROM is gemma3:4b, {BASE}",
    ),
    "window of a Modelfile": Drift(
        MODELFILE, "num_ctx 16384", "num_ctx 8192",
        "modelfile[gemma3-4b-16k num_ctx]", "PARAMETER num_ctx ", f"num_ctx is 8192, {CONTEXT}",
    ),
    "parameter of a Modelfile": Drift(
        MODELFILE, "temperature 0.15", "temperature 0.7",
        "modelfile[gemma3-4b-16k temperature]", "PARAMETER temperature ", "temperature is 0.7, the contract says 0.15",
    ),
    "comment behind a parameter": Drift(
        MODELFILE, "num_ctx 16384", "num_ctx 16384 # sixteen",
        "modelfile[gemma3-4b-16k grammar]", "PARAMETER num_ctx ",
        "'16384 # sixteen' is not an integer; Ollama knows comments only at the start of a line",
    ),
    "Modelfile that nobody declares": Drift(
        "news-creator/Modelfile.old", None, "FROM gemma3:4b\n",
        "modelfile[news-creator/Modelfile.old FROM]", "FROM ", f"FROM names gemma3:4b, which is {RETIRED}",
    ),
    "variable of the image": Drift(
        DOCKERFILE, "ENV HOME=/home/ollama\n", 'ENV HOME=/home/ollama \\\n    OLLAMA_BASE_MODEL="gemma3:4b"\n',
        f"default[{DOCKERFILE} OLLAMA_BASE_MODEL]", 'OLLAMA_BASE_MODEL="', f"OLLAMA_BASE_MODEL is gemma3:4b, {BASE}",
    ),
    "argument of the build": Drift(
        DOCKERFILE, "ENV HOME=/home/ollama\n", "ARG OLLAMA_BASE_MODEL=gemma3:4b\nENV HOME=/home/ollama\n",
        f"default[{DOCKERFILE} OLLAMA_BASE_MODEL]", "OLLAMA_BASE_MODEL=",
        f"OLLAMA_BASE_MODEL defaults to gemma3:4b, {BASE}",
    ),
    "literal of the application": Drift(
        APP, None, 'model = "gemma3:4b"\n', f"default[{APP} literal gemma3:4b]", 'model = "', f"gemma3:4b is {RETIRED}",
    ),
    "default of an environment read": Drift(
        APP, None, 'import os\nWINDOW = int(os.environ.get("LLM_NUM_CTX", 8192))\n',
        f"default[{APP} LLM_NUM_CTX]", '"LLM_NUM_CTX", ', f"LLM_NUM_CTX defaults to 8192, {CONTEXT}",
    ),
    "pull in a script": Drift(
        "deploy/pull.sh", None, "#!/bin/sh\nollama pull gemma3:4b\n",
        "default[deploy/pull.sh literal gemma3:4b]", "pull ", f"gemma3:4b is {RETIRED}",
    ),
    "body of a request in a script": Drift(
        "deploy/warm.sh", None, "#!/bin/sh\ncurl http://localhost:11434/api/generate -d '{\"model\": \"gemma3:4b\"}'\n",
        "default[deploy/warm.sh model]", '"model": "', f"model names gemma3:4b, which is {RETIRED}",
    ),
    "window of a request in the application": Drift(
        APP, None, 'BODY = {"model": "gemma3-4b-16k", "options": {"num_ctx": 8192}}\n',
        f"context-agreement[{APP} num_ctx]", '"num_ctx": ',
        "num_ctx 8192 of a request written here meets num_ctx 16384 of gemma3-4b-16k: each turn restarts the runner",
    ),
    "dotenv file of the project": Drift(
        "compose/.env", None, "LLM_NUM_CTX=8192\n",
        "default[compose/.env LLM_NUM_CTX]", "LLM_NUM_CTX=", f"LLM_NUM_CTX is 8192, {CONTEXT}",
    ),
    "Compose file that is not there": Drift(
        CONTRACT, "compose/cpu.yaml]", "compose/cpus.yaml]", "resolved[cpu]",
        "cpu:      {files: [compose/compose.yaml, ",
        "invocation cpu does not resolve: the Compose file compose/cpus.yaml cannot be read"
        " (No such file or directory), should exist",
    ),
    "Modelfile that is not there": Drift(
        CONTRACT, "Modelfile.gemma3-4b-60k", "Modelfile.60k", "modelfile[gemma3-4b-60k file]",
        "num_ctx: 16384}\n      ",
        "the Modelfile news-creator/Modelfile.60k does not exist",
    ),
}  # fmt: skip


def edited(stack: Stack, path: str, old: str | None, new: str) -> None:
    """Make one edit; without an old text, a new file."""
    if old is None:
        stack.write(path, new)
    else:
        stack.edit(path, old, new)


def test_the_reference_stack_is_as_its_contract_says(stack: Stack) -> None:
    """Nothing is broken or noted, and all that is left open is what only a host has."""
    rest = [(judgement.item, judgement.reason) for judgement in stack.judge() if judgement.status != "passed"]
    assert rest == [("resolved[host]", "invocation host reads .env, which only its host has")]


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_a_drift_is_one_finding_at_its_place(stack: Stack, drift: Drift) -> None:
    """One item speaks, with the exact first line; all others pass or step back by name."""
    edited(stack, drift.path, drift.old, drift.new)
    broken = stack.broken()
    assert [judgement.item for judgement in broken] == [drift.item]
    assert broken[0].headline == f"{stack.behind(drift.path, drift.before)}: {drift.message}"


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_every_finding_says_what_to_do(stack: Stack, drift: Drift) -> None:
    """What to do is the last line."""
    edited(stack, drift.path, drift.old, drift.new)
    (broken,) = stack.broken()
    assert broken.finding
    assert broken.finding.lines()[-1].startswith("  do: ")
    assert broken.finding.fix


def test_what_comes_from_a_blamed_place_steps_back_by_name(stack: Stack) -> None:
    """The resolved value of a wrong default is not a second finding, and says which item has the first."""
    stack.edit(AI, "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL:-gemma3:4b}")
    said = {judgement.item: judgement.reason for judgement in stack.judge() if judgement.status == "not_verified"}
    reason = f"not judged twice: default[{AI} OLLAMA_BASE_MODEL] says it"
    assert said["resolved[default backend OLLAMA_BASE_MODEL]"] == reason
    assert said["resolved[cpu backend OLLAMA_BASE_MODEL]"] == reason


def test_the_resolved_level_speaks_where_the_default_was_not_run(stack: Stack) -> None:
    """Stepping back is for what this run says elsewhere, not for what it leaves out."""
    stack.edit(AI, "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL:-gemma3:4b}")
    broken = [j for j in stack.judge(only=lambda item: item.startswith("resolved[cpu ")) if j.status == "failed"]
    assert [judgement.item for judgement in broken] == ["resolved[cpu backend OLLAMA_BASE_MODEL]"]
    place = stack.behind(AI, "${OLLAMA_BASE_MODEL:-")
    said = "backend is given OLLAMA_BASE_MODEL=gemma3:4b, the contract says gemma3:4b-it-qat (invocation cpu)"
    assert broken[0].headline == f"{place}: {said}"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("services:\n  x:\n    image: \x07\n", ":3:12", "the character U+0007 is none of YAML"),
        ("x-0: &a0 [b]\n" + "".join(f"x-{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 9)), ":7:6", "aliases"),
    ],
    ids=["no character", "aliases"],
)
def test_a_file_that_nobody_can_read_is_told_once(stack: Stack, text: str, place: str, message: str) -> None:
    """What Compose would refuse and what the reader of its defaults leaves open are one fault, at one place."""
    stack.write("compose/compose.yaml", text)
    wrong = [one for one in stack.judge() if one.status != "passed" and one.item != "resolved[host]"]
    (broken,) = [one for one in wrong if one.status == "failed"]
    assert broken.item == "resolved[default]"
    assert broken.headline.startswith(f"compose/compose.yaml{place}: invocation default does not resolve: {message}")
    steps = {one.item: one.reason for one in wrong if one is not broken and "compose/compose.yaml" in one.item}
    assert set(steps.values()) == {"not judged twice: resolved[default] says it"}


def test_what_cannot_be_read_is_left_open_where_nobody_says_why(stack: Stack) -> None:
    """No run of it says so: then the fault itself is the reason."""
    stack.write("compose/compose.dev.yaml", "services:\n  x:\n    image: \x07\n")
    left = [one.reason for one in stack.judge() if one.status == "not_verified"]
    assert [reason for reason in left if reason.startswith("compose/compose.dev.yaml:3:12: the character U+0007")]


def test_one_cause_under_three_invocations_is_one_finding(stack: Stack) -> None:
    """The first invocation speaks, the others name it."""
    stack.edit(AI, "      OLLAMA_NUM_PARALLEL: ${OLLAMA_NUM_PARALLEL:-1}\n", "")
    said = {judgement.item: judgement.reason for judgement in stack.judge()}
    reason = "not judged twice: resolved[default backend OLLAMA_NUM_PARALLEL] says it"
    assert said["resolved[cpu backend OLLAMA_NUM_PARALLEL]"] == reason
    assert said["resolved[rollback backend OLLAMA_NUM_PARALLEL]"] == reason


def test_two_settings_deleted_from_one_block_are_two_findings(stack: Stack) -> None:
    """A whole service as the place does not make them one."""
    stack.edit(AI, "      OLLAMA_NUM_PARALLEL: ${OLLAMA_NUM_PARALLEL:-1}\n", "")
    stack.edit(AI, "      OLLAMA_MAX_LOADED_MODELS: ${OLLAMA_MAX_LOADED_MODELS:-1}\n", "")
    stack.edit(CONTRACT, "OLLAMA_NUM_PARALLEL: 1}", "OLLAMA_NUM_PARALLEL: 1, OLLAMA_MAX_LOADED_MODELS: 1}")
    assert [judgement.item for judgement in stack.broken()] == [
        "resolved[default backend OLLAMA_NUM_PARALLEL]",
        "resolved[default backend OLLAMA_MAX_LOADED_MODELS]",
    ]


def test_a_setting_that_falls_back_on_a_right_default_is_right(stack: Stack) -> None:
    """Nothing gives it, the application's own default is what the contract says."""
    stack.edit(AI, "      LLM_NUM_CTX: ${LLM_NUM_CTX:-16384}\n", "")
    assert not stack.broken()


def test_a_setting_that_falls_back_on_a_wrong_default_is_one_finding(stack: Stack) -> None:
    """The default in the program is what holds, and what is blamed."""
    stack.edit(AI, "      LLM_NUM_CTX: ${LLM_NUM_CTX:-16384}\n", "")
    stack.edit(CONFIG, "LLM_NUM_CTX: ContextTokens = 16384", "LLM_NUM_CTX: ContextTokens = 8192")
    assert [judgement.item for judgement in stack.broken()] == [f"default[{CONFIG} LLM_NUM_CTX]"]


def test_a_service_that_nothing_starts_is_one_finding(stack: Stack) -> None:
    """However many settings and invocations it has."""
    stack.write(AI, stack.text(AI).partition("  news-creator:\n")[0] + "volumes:\n  models:\n")
    (broken,) = stack.broken()
    place = stack.behind(CONTRACT, "\n  app:     ")
    message = "no invocation starts a service news-creator: in default it is not in its files"
    assert broken.headline == f"{CONTRACT}:{place.line}:3: {message}"


def test_a_service_that_another_invocation_starts_is_a_note(stack: Stack) -> None:
    """Hosts differ; what one of them leaves out is listed, and nothing fails."""
    stack.write("compose/app.yaml", "services:\n  news-creator:\n    image: news-creator:1\n    environment: {A: b}\n")
    stack.edit(CONTRACT, "    cpu:      ", "    app:      {files: [compose/app.yaml]}\n    cpu:      ")
    (note,) = [judgement for judgement in stack.judge() if judgement.status == "note"]
    assert note.item == "resolved[app backend]"
    why = "it is not in its files (default and cpu and rollback start it)"
    assert note.headline.endswith(f": invocation app does not start news-creator-backend: {why}")


def test_a_stop_word_lost_from_a_modelfile_is_found(stack: Stack) -> None:
    """The place is the whole file, since the line is gone."""
    assert not stack.broken()
    stack.edit(MODELFILE, 'PARAMETER stop "<end_of_turn>"', "")
    (broken,) = stack.broken()
    assert broken.headline == f"{MODELFILE}: stop is not set, the contract says <end_of_turn>"


def test_a_dotenv_file_of_one_host_is_blamed_although_git_ignores_it(stack: Stack) -> None:
    """It decides what runs there; its line is named, and the resolved value steps back."""
    stack.git()
    stack.write(".env", "# this host\nOLLAMA_BASE_MODEL=gemma3:4b\n")
    (broken,) = stack.broken()
    assert broken.item == "default[.env OLLAMA_BASE_MODEL]"
    assert broken.headline == f".env:2:19: OLLAMA_BASE_MODEL is gemma3:4b, {BASE}"


def test_a_right_dotenv_file_of_one_host_is_verified(stack: Stack) -> None:
    """With the file there, the host's invocation resolves like any other."""
    stack.write(".env", "OLLAMA_BASE_MODEL=gemma3:4b-it-qat\nUNRELATED=1\n")
    judged = {judgement.item: judgement.status for judgement in stack.judge()}
    assert set(judged.values()) == {"passed"}
    assert "resolved[host backend OLLAMA_BASE_MODEL]" in judged


def test_a_file_that_git_ignores_and_nothing_reads_is_silent(stack: Stack) -> None:
    """What only lies about is not part of the stack."""
    stack.git()
    stack.write("news-creator/.env", "OLLAMA_BASE_MODEL=gemma3:4b\n")
    assert not stack.broken()


def test_a_wrong_env_file_is_blamed_at_its_line(stack: Stack) -> None:
    """What a service takes from it is resolved, and the file is the place."""
    stack.edit(
        AI,
        "    environment:\n      LLM_SERVICE_URL",
        "    env_file: [app.env]\n    environment:\n      LLM_SERVICE_URL",
    )
    stack.edit(AI, "      LLM_NUM_CTX: ${LLM_NUM_CTX:-16384}\n", "")
    stack.write("compose/app.env", "LLM_NUM_CTX=8192\n")
    (broken,) = stack.broken()
    assert broken.headline == f"compose/app.env:1:13: LLM_NUM_CTX is 8192, {CONTEXT}"


def overridden(stack: Stack) -> None:
    """Give every invocation the right window in an override file, over a wrong default below it."""
    stack.write(".env", "")
    stack.write("compose/right.yaml", "services:\n  news-creator:\n    environment:\n      LLM_NUM_CTX: 16384\n")
    contract = stack.text(CONTRACT).replace("compose/compose.yaml", "compose/compose.yaml, compose/right.yaml")
    stack.write(CONTRACT, contract)
    stack.edit(AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-8192}")


def test_a_wrong_default_that_every_invocation_overrides_is_a_note(stack: Stack) -> None:
    """It harms nothing today; the chain says who wins where."""
    overridden(stack)
    found = [judgement for judgement in stack.judge() if judgement.status != "passed"]
    assert [(judgement.item, judgement.status) for judgement in found] == [(f"default[{AI} LLM_NUM_CTX]", "note")]
    assert found[0].finding
    winner = stack.behind("compose/right.yaml", "LLM_NUM_CTX: ")
    assert found[0].finding.chain[0] == f"{winner}: wins in invocation default"


def test_a_wrong_default_that_one_invocation_lets_through_is_an_error(stack: Stack) -> None:
    """An override proves nothing for the way of starting that does not load it."""
    overridden(stack)
    stack.edit(CONTRACT, "compose/right.yaml, compose/cpu.yaml]", "compose/cpu.yaml]")
    assert [judgement.item for judgement in stack.broken()] == [f"default[{AI} LLM_NUM_CTX]"]


def test_an_override_proves_nothing_in_a_build_context(stack: Stack) -> None:
    """The image carries its default to wherever it is started."""
    overridden(stack)
    stack.edit(AI, "${LLM_NUM_CTX:-8192}", "${LLM_NUM_CTX:-16384}")
    stack.edit(CONFIG, "LLM_NUM_CTX: ContextTokens = 16384", "LLM_NUM_CTX: ContextTokens = 8192")
    assert [judgement.item for judgement in stack.broken()] == [f"default[{CONFIG} LLM_NUM_CTX]"]


def test_a_file_that_cannot_be_parsed_is_not_verified_by_name(stack: Stack) -> None:
    """Its defaults are unknown, which is no pass."""
    stack.edit(CONFIG, "class Settings(", "class Settings((")
    said = {judgement.item: judgement.reason for judgement in stack.judge() if judgement.status == "not_verified"}
    assert said[f"default[{CONFIG} unread]"].startswith(f"{CONFIG}:")
    assert "is not Python" in said[f"default[{CONFIG} unread]"]


def test_one_literal_behind_two_settings_is_one_finding(stack: Stack) -> None:
    """An anchor that carries a wrong value is blamed once, where it stands."""
    stack.edit(AI, "services:\n", "x-base: &base gemma3:4b\nservices:\n")
    stack.edit(AI, "${MODEL_BASE_NAME:-gemma3:4b-it-qat}", "*base")
    stack.edit(AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "*base")
    (broken,) = stack.broken()
    assert str(broken.finding and broken.finding.place) == str(stack.behind(AI, "&base "))


def test_an_empty_line_of_a_template_counts_where_a_reader_keeps_it(stack: Stack) -> None:
    """`${X-d}` takes the empty text where `${X:-d}` takes its default."""
    stack.edit(AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "${LLM_MODEL-gemma3:4b-it-qat}")
    stack.edit(EXAMPLE, "\nLLM_MODEL=gemma3:4b-it-qat\n", "\nLLM_MODEL=\n")
    (finding,) = stack.broken()
    assert finding.headline == f"{stack.behind(EXAMPLE, chr(10) + 'LLM_MODEL=')}: LLM_MODEL is empty, {BASE}"
