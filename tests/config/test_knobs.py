"""Every knob of a service is one that something reads, and reads as it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.facts.named import interpolates, is_plain
from pytest_newscreator.checks.findings import Findings, Judged
from pytest_newscreator.checks.source.knobs import DEAD_SETTING, MISREAD

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.places import Place

AI = "compose/ai.yaml"
START = "news-creator/entrypoint-backend.sh"
DOCKERFILE = "news-creator/Dockerfile.backend"
CONTRACT = "newscreator.yaml"
APP = "news-creator/app/news_creator/added.py"
ALIVE = "      OLLAMA_KEEP_ALIVE: ${OLLAMA_KEEP_ALIVE:-24h}\n"
DECLARED = "LLM_TOP_K: 40, LLM_REPEAT_PENALTY: 1.15},\n"
BACKEND_PORT = '    ports:\n      - "127.0.0.1:${NEWS_CREATOR_BACKEND_PORT'
APP_PORT = '    ports:\n      - "127.0.0.1:${NEWS_CREATOR_PORT'
BATCH = "has no effect in Ollama 0.24.0: use PARAMETER num_batch in the Modelfile, or the request's option"


def judged(stack: Stack, item: str) -> Judged:
    """Return what one of the two checks concludes."""
    return Findings((MISREAD, DEAD_SETTING), stack.repository()).judged(item)


def told(stack: Stack, item: str) -> tuple[Place | None, str]:
    """Return where a finding points, and what it says."""
    finding = judged(stack, item).finding
    assert finding is not None, f"{item} finds nothing"
    return finding.place, finding.message


def is_silent(stack: Stack, item: str) -> bool:
    """Tell whether a subject is fine, or is none."""
    findings = Findings((MISREAD, DEAD_SETTING), stack.repository())
    if item not in findings.plan:
        return True
    one = findings.judged(item)
    return one.finding is None and one.unverified is None


def add(stack: Stack, name: str, text: str) -> Place:
    """Give the backend one more variable, and return the place of its value."""
    stack.edit(AI, ALIVE, f"{ALIVE}      {name}: {text}\n")
    return stack.behind(AI, f"      {name}: ")


def declare(stack: Stack, name: str, value: str = "one") -> Place:
    """Declare one more setting of the application, and return its place."""
    stack.edit(CONTRACT, DECLARED, f"LLM_TOP_K: 40, LLM_REPEAT_PENALTY: 1.15, {name}: {value}}},\n")
    return stack.behind(CONTRACT, f"LLM_REPEAT_PENALTY: 1.15, {name}: ")


def test_the_reference_stack_has_no_finding(stack: Stack) -> None:
    """Every variable of both services is read, and as it looks."""
    findings = Findings((MISREAD, DEAD_SETTING), stack.repository())
    assert [one.item for one in findings.all() if one.finding or one.unverified] == []
    assert {"misread[backend OLLAMA_KEEP_ALIVE]", "dead-setting[backend OLLAMA_BASE_MODEL]"} <= findings.plan.keys()
    assert "dead-setting[app LLM_NUM_CTX]" in findings.plan


def test_a_duration_that_go_does_not_read_is_told_at_its_literal(stack: Stack) -> None:
    """One day is five minutes; the finding names the release and what to write."""
    stack.edit(AI, "${OLLAMA_KEEP_ALIVE:-24h}", "${OLLAMA_KEEP_ALIVE:-1d}")
    finding = judged(stack, "misread[backend OLLAMA_KEEP_ALIVE]").finding
    assert finding is not None
    assert finding.place == stack.behind(AI, "${OLLAMA_KEEP_ALIVE:-")
    assert finding.message.startswith(
        "OLLAMA_KEEP_ALIVE of backend is 1d, which becomes 5m0s: it is neither a duration"
    )
    assert finding.message.endswith("(Ollama 0.24.0)")
    assert (finding.observed, finding.fix) == ("1d", "write 24h0m0s")


@pytest.mark.parametrize(
    ("name", "text", "fix"),
    [
        ("OLLAMA_NOPRUNE", "'off'", "write false"),
        ("OLLAMA_LOAD_TIMEOUT", "forever", "write -1"),
        ("OLLAMA_DEBUG", "trace", "write 2"),
        ("OLLAMA_CONTEXT_LENGTH", "8k", "write 8192"),
        ("OLLAMA_MAX_QUEUE", "-1", "write it as Ollama reads it, or take it away"),
        ("OLLAMA_ORIGINS", "'http://a, http://b'", "write it as Ollama reads it, or take it away"),
    ],
)
def test_what_to_write_is_proposed_where_it_is_read_as_meant(stack: Stack, name: str, text: str, fix: str) -> None:
    """A proposal that Ollama would misread as well is none."""
    place = add(stack, name, text)
    finding = judged(stack, f"misread[backend {name}]").finding
    assert finding is not None
    assert finding.fix == fix
    assert finding.place is not None
    assert finding.place.line == place.line


@pytest.mark.parametrize("text", ["24h", "-1", "300", '""', "${UNKNOWN:-}", "1h30m"])
def test_a_value_that_is_read_as_it_looks_is_silent(stack: Stack, text: str) -> None:
    """An empty text is an unset variable."""
    stack.edit(AI, "${OLLAMA_KEEP_ALIVE:-24h}", text)
    assert is_silent(stack, "misread[backend OLLAMA_KEEP_ALIVE]")


def test_one_invocation_that_misreads_is_named(stack: Stack) -> None:
    """The `.env` of one way of starting is where the value comes from."""
    stack.write(".env", "OLLAMA_KEEP_ALIVE=1d\n")
    place, message = told(stack, "misread[backend OLLAMA_KEEP_ALIVE]")
    assert str(place) == ".env:1:19"
    assert message.endswith("(invocation host)")


def test_a_release_that_is_not_known_is_judged_by_the_newest_table(stack: Stack) -> None:
    """And the finding says how far that goes."""
    stack.edit(DOCKERFILE, "FROM ollama/ollama:0.24.0", "FROM ollama/ollama:latest")
    stack.edit(AI, "${OLLAMA_KEEP_ALIVE:-24h}", "1d")
    assert told(stack, "misread[backend OLLAMA_KEEP_ALIVE]")[1].endswith("(Ollama up to 0.30.0)")


def test_the_release_of_an_image_that_is_pulled_decides(stack: Stack) -> None:
    """`image:` names the version as well as a FROM does."""
    build = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"
    stack.edit(AI, build, "    image: ollama/ollama:0.14.3\n")
    add(stack, "OLLAMA_CONTEXT_LENGTH", "8k")
    message = told(stack, "misread[backend OLLAMA_CONTEXT_LENGTH]")[1]
    assert (
        message == "OLLAMA_CONTEXT_LENGTH of backend is 8k, which becomes 4096: it is no whole number (Ollama 0.14.3)"
    )


def test_what_a_start_script_sets_is_what_the_server_reads(stack: Stack) -> None:
    """Its own value is the one that counts, at its own place; the one from Compose is not."""
    stack.edit(AI, "${OLLAMA_KEEP_ALIVE:-24h}", "1d")
    stack.edit(START, "set -euo pipefail\n", "set -euo pipefail\nexport OLLAMA_KEEP_ALIVE=2d\n")
    place, message = told(stack, "misread[backend OLLAMA_KEEP_ALIVE]")
    assert place == stack.behind(START, "export OLLAMA_KEEP_ALIVE=")
    assert "is 2d, which" in message


def test_what_a_start_script_computes_is_not_judged(stack: Stack) -> None:
    """What the server gets is not what Compose gives, and only a run tells it."""
    stack.edit(AI, "${OLLAMA_KEEP_ALIVE:-24h}", "1d")
    stack.edit(START, "set -euo pipefail\n", 'set -euo pipefail\nexport OLLAMA_KEEP_ALIVE="$(cat /span)"\n')
    assert is_silent(stack, "misread[backend OLLAMA_KEEP_ALIVE]")


def test_a_default_in_a_start_script_counts_where_nothing_is_given(stack: Stack) -> None:
    """And only there."""
    line = 'export OLLAMA_LOAD_TIMEOUT="${OLLAMA_LOAD_TIMEOUT:-1d}"\n'
    stack.edit(START, "set -euo pipefail\n", f"set -euo pipefail\n{line}")
    assert told(stack, "misread[backend OLLAMA_LOAD_TIMEOUT]")[0] == stack.behind(START, "${OLLAMA_LOAD_TIMEOUT:-")
    add(stack, "OLLAMA_LOAD_TIMEOUT", "10m")
    assert is_silent(stack, "misread[backend OLLAMA_LOAD_TIMEOUT]")


def test_a_name_that_no_release_reads_is_told_where_it_is_given(stack: Stack) -> None:
    """The place is the entry that gives it to this service; what to do instead stands in the message."""
    place = add(stack, "OLLAMA_NUM_BATCH", "${OLLAMA_NUM_BATCH:-1024}")
    assert told(stack, "dead-setting[backend OLLAMA_NUM_BATCH]") == (place, f"OLLAMA_NUM_BATCH of backend {BATCH}")


def test_a_name_in_the_images_env_is_told_at_the_dockerfile(stack: Stack) -> None:
    """ENV of a Dockerfile of ours counts, the base image's own does not."""
    stack.edit(DOCKERFILE, "ENV HOME=/home/ollama\n", "ENV HOME=/home/ollama\nENV OLLAMA_NUM_BATCH=512\n")
    assert told(stack, "dead-setting[backend OLLAMA_NUM_BATCH]")[0] == stack.behind(DOCKERFILE, "ENV OLLAMA_NUM_BATCH=")
    assert is_silent(stack, "dead-setting[backend OLLAMA_HOST]")


def test_a_declared_name_that_nobody_gives_is_told_at_the_contract(stack: Stack) -> None:
    """The contract asks for what has no effect."""
    stack.edit(CONTRACT, "OLLAMA_NUM_PARALLEL: 1}", "OLLAMA_NUM_PARALLEL: 1, OLLAMA_NUM_BATCH: 1024}")
    assert told(stack, "dead-setting[backend OLLAMA_NUM_BATCH]")[0] == stack.behind(
        CONTRACT, "NUM_PARALLEL: 1, OLLAMA_NUM_BATCH: "
    )


def test_a_misspelt_name_is_told_with_the_right_one(stack: Stack) -> None:
    """A typo is the commonest dead name."""
    add(stack, "OLLAMA_NUM_PARALEL", "1")
    message = told(stack, "dead-setting[backend OLLAMA_NUM_PARALEL]")[1]
    assert message.endswith("has no effect in Ollama 0.24.0: did you mean OLLAMA_NUM_PARALLEL?")


def test_a_switch_that_no_script_reads_any_more_is_dead(stack: Stack) -> None:
    """A comment that names it reads nothing."""
    stack.edit(START, '"${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"', '"gemma3:4b-it-qat"')
    message = told(stack, "dead-setting[backend OLLAMA_BASE_MODEL]")[1]
    assert message == "OLLAMA_BASE_MODEL of backend has no effect: nothing in Ollama 0.24.0 reads it"


READERS = {
    "start script": (START, "set -euo pipefail\n", 'set -euo pipefail\necho "$OLLAMA_NUM_BATCH"\n'),
    "start script, all that begin so": (START, "set -euo pipefail\n", "set -euo pipefail\nenv | grep '^OLLAMA_NUM_'\n"),
    "health check": (AI, '"CMD-SHELL", "test -e', '"CMD-SHELL", "test $$OLLAMA_NUM_BATCH && test -e'),
    "command": (AI, ALIVE, f"{ALIVE}    command: [sh, -c, echo $$OLLAMA_NUM_BATCH]\n"),
    "build": (DOCKERFILE, "USER ollama\n", "RUN echo $OLLAMA_NUM_BATCH\nUSER ollama\n"),
    "script of the host": ("Makefile", None, "try:\n\tdocker compose exec o sh -c 'echo $$OLLAMA_NUM_BATCH'\n"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new"), READERS.values(), ids=READERS)
def test_a_name_that_something_in_the_container_reads_is_not_dead(
    stack: Stack, path: str, old: str | None, new: str
) -> None:
    """Scripts, commands and health checks have settings of their own."""
    if old is None:
        stack.write(path, new)
    else:
        stack.edit(path, old, new)
    add(stack, "OLLAMA_NUM_BATCH", "1024")
    assert is_silent(stack, "dead-setting[backend OLLAMA_NUM_BATCH]")


@pytest.mark.parametrize(
    "text", ["echo OLLAMA_NUM_BATCH\n", "docker compose exec o sh -c 'echo $$OLLAMA_NUM_BATCH_MAX'\n"]
)
def test_a_script_of_the_host_that_asks_for_something_else_reads_nothing(stack: Stack, text: str) -> None:
    """Only what is asked for inside the container counts, by its whole name."""
    add(stack, "OLLAMA_NUM_BATCH", "1024")
    stack.write("try.sh", text)
    assert not is_silent(stack, "dead-setting[backend OLLAMA_NUM_BATCH]")


def test_a_mount_of_the_repository_reads_nothing_by_itself(stack: Stack) -> None:
    """The files that give a name are no readers of it."""
    place = add(stack, "OLLAMA_NUM_BATCH", "1024")
    stack.edit(AI, "      - models:/var/lib/ollama\n", "      - models:/var/lib/ollama\n      - ..:/work:ro\n")
    stack.edit(DOCKERFILE, "ENV HOME=/home/ollama\n", "ENV HOME=/home/ollama\nENV OLLAMA_NUM_BATCH=512\n")
    assert told(stack, "dead-setting[backend OLLAMA_NUM_BATCH]")[0] == place


def test_a_mounted_script_reads_names_too(stack: Stack) -> None:
    """It is no part of the image, and is what the container starts."""
    build = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"
    image = "    image: ollama/ollama:0.24.0\n    entrypoint: [/start.sh]\n"
    stack.edit(AI, build, image)
    stack.edit(
        AI, "      - models:/var/lib/ollama\n", "      - models:/var/lib/ollama\n      - ./start.sh:/start.sh:ro\n"
    )
    stack.write("compose/start.sh", '#!/bin/sh\nollama serve &\nollama pull "$OLLAMA_BASE_MODEL"\nwait\n')
    assert is_silent(stack, "dead-setting[backend OLLAMA_BASE_MODEL]")
    stack.write("compose/start.sh", "#!/bin/sh\nexec ollama serve\n")
    assert told(stack, "dead-setting[backend OLLAMA_BASE_MODEL]")[0] == stack.behind(AI, "    OLLAMA_BASE_MODEL: ")


def test_an_entry_that_another_service_shares_is_not_dead(stack: Stack) -> None:
    """An env_file for all is no fault of the one that does not read it."""
    stack.write("compose/common.env", "OLLAMA_MODEL=gemma3:4b-it-qat\n")
    stack.edit(AI, BACKEND_PORT, f"    env_file: [common.env]\n{BACKEND_PORT}")
    assert str(told(stack, "dead-setting[backend OLLAMA_MODEL]")[0]) == "compose/common.env:1:14"
    stack.edit(AI, APP_PORT, f"    env_file: [common.env]\n{APP_PORT}")
    assert is_silent(stack, "dead-setting[backend OLLAMA_MODEL]")


def test_what_compose_itself_interpolates_may_come_by_an_env_file(stack: Stack) -> None:
    """The same `.env` is often given to the containers as well."""
    stack.write("compose/common.env", "OLLAMA_PORT=11434\n")
    stack.edit(AI, '      - "127.0.0.1:${NEWS_CREATOR_BACKEND_PORT:-11434}', '      - "127.0.0.1:${OLLAMA_PORT:-11434}')
    stack.edit(AI, "    volumes:\n      - models", "    env_file: [common.env]\n    volumes:\n      - models")
    assert is_silent(stack, "dead-setting[backend OLLAMA_PORT]")
    stack.edit(AI, "${OLLAMA_PORT:-11434}", "11434")
    assert not is_silent(stack, "dead-setting[backend OLLAMA_PORT]")


@pytest.mark.parametrize(("base", "is_known"), [("ubuntu:24.04", True), ("example.com/own/ollama:1.2", False)])
def test_a_build_is_judged_where_its_base_brings_no_scripts(stack: Stack, base: str, is_known: bool) -> None:
    """An Ollama that is installed on a plain system reads what any other does."""
    add(stack, "OLLAMA_NUM_BATCH", "1024")
    stack.edit(DOCKERFILE, "FROM ollama/ollama:0.24.0", f"FROM {base}")
    one = judged(stack, "dead-setting[backend OLLAMA_NUM_BATCH]")
    assert (one.finding is not None) is is_known
    assert (one.unverified is None) is is_known


@pytest.mark.parametrize("image", ["example.com/own/ollama-autopull:1.2", "${NAMED_NOWHERE}"])
def test_an_image_that_may_bring_scripts_is_not_judged(stack: Stack, image: str) -> None:
    """What they read is not in the repository."""
    add(stack, "OLLAMA_NUM_BATCH", "1024")
    build = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"
    stack.edit(AI, build, f"    image: {image}\n")
    one = judged(stack, "dead-setting[backend OLLAMA_NUM_BATCH]")
    assert one.finding is None
    assert one.unverified is not None


def test_a_declared_setting_that_no_source_names_is_a_note(stack: Stack) -> None:
    """The application reads its environment by name, and not this one."""
    place = declare(stack, "SUMMARY_STYLE")
    finding = judged(stack, "dead-setting[app SUMMARY_STYLE]").finding
    assert finding is not None
    assert (finding.place, finding.severity) == (place, "note")
    assert finding.message == "SUMMARY_STYLE is declared for app, and nothing that its image is made of names it"


def test_a_longer_name_is_another_name(stack: Stack) -> None:
    """MAP_REDUCE_CHUNK_TOKENS is read, and what only begins it is not."""
    declare(stack, "MAP_REDUCE_CHUNK")
    assert not is_silent(stack, "dead-setting[app MAP_REDUCE_CHUNK]")


def test_a_name_in_a_file_that_is_not_shipped_reads_nothing(stack: Stack) -> None:
    """The build context is shared: the other service's script is not in this image."""
    declare(stack, "NEWS_CREATOR_VARIANTS")
    assert not is_silent(stack, "dead-setting[app NEWS_CREATOR_VARIANTS]")


SPELLINGS = {
    "plain": 'import os\nSTYLE = os.environ["SUMMARY_STYLE"]\n',
    "lower case field": "class Settings(BaseSettings):\n    summary_style: str = 'a'\n",
    "field behind a prefix": "class Settings(BaseSettings):\n    style: str = 'a'\n    model_config = "
    'SettingsConfigDict(env_prefix="SUMMARY_")\n',
    "part behind a text": 'import os\nx = {k: os.environ[f"SUMMARY_{k}"] for k in ("STYLE", "TONE")}\n',
    "camel case": "settings = load(summaryStyle='a')\n",
    "dotted key": 'value = config.get("summary.style")\n',
    "whole environment": "import os\nfor section, style in os.environ.items():\n    summary(section)\n",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_setting_in_any_spelling_of_a_program_is_silent(stack: Stack, text: str) -> None:
    """Frameworks make names of prefixes, cases and dots."""
    declare(stack, "SUMMARY_STYLE")
    stack.write(APP, text)
    assert is_silent(stack, "dead-setting[app SUMMARY_STYLE]")


@pytest.mark.parametrize("name", ["HTTPX_SPARE_TRIES", "OTEL_SERVICE_NAME", "NO_PROXY", "UVICORN_WORKERS"])
def test_what_a_library_or_the_runtime_reads_is_silent(stack: Stack, name: str) -> None:
    """A dependency reads names that begin like itself."""
    stack.write("news-creator/app/requirements.txt", stack.text("news-creator/app/requirements.txt") + "httpx\n")
    declare(stack, name)
    assert is_silent(stack, f"dead-setting[app {name}]")


def test_the_programs_own_name_is_no_library(stack: Stack) -> None:
    """A manifest names its own package, and a build what it makes."""
    declare(stack, "SUMMARY_STYLE")
    stack.write("news-creator/app/pyproject.toml", '[project]\nname = "summary"\ndependencies = ["httpx"]\n')
    stack.edit("news-creator/Dockerfile", "USER creator\n", "RUN touch /app/summary\nUSER creator\n")
    assert not is_silent(stack, "dead-setting[app SUMMARY_STYLE]")
    stack.edit("news-creator/Dockerfile", "touch /app/summary", "pip install summary-kit")
    assert is_silent(stack, "dead-setting[app SUMMARY_STYLE]")


@pytest.mark.parametrize("base", ["ghcr.io/acme/chat:1.2", "acme/summary-base:3"])
def test_an_image_below_that_may_be_the_program_is_silent(stack: Stack, base: str) -> None:
    """What it reads is not in the repository."""
    declare(stack, "SUMMARY_STYLE")
    stack.edit("news-creator/Dockerfile", "FROM python:3.11-slim", f"FROM {base}")
    assert is_silent(stack, "dead-setting[app SUMMARY_STYLE]")


@pytest.mark.parametrize(
    ("reference", "plain"),
    [
        ("python:3.11-slim", True),
        ("mirror.example.com/library/node@sha256:00", True),
        ("gcr.io/distroless/python3-debian12", True),
        ("mcr.microsoft.com/dotnet/aspnet:9.0", True),
        ("nvidia/cuda:12.8.0-runtime-ubuntu24.04", True),
        ("postgres:17", False),
        ("ghcr.io/acme/python-app", False),
        ("", False),
    ],
)
def test_an_image_without_programs_is_known_by_its_name(reference: str, plain: bool) -> None:
    """Operating systems and languages bring nothing that reads a team's settings."""
    assert is_plain(reference) is plain


@pytest.mark.parametrize(
    ("text", "is_interpolated"),
    [("${PORT:-1}", True), ("$PORT", True), ("$$PORT", False), ("$$$PORT", True), ("${PORTS}", False), ("PORT", False)],
)
def test_a_doubled_dollar_is_no_interpolation(text: str, is_interpolated: bool) -> None:
    """Compose hands `$$X` on to the container."""
    assert interpolates(f"ports: [{text}]", "PORT") is is_interpolated
