"""What a container is given is what its program gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source.startup import SHADOWED
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
BACKEND = "news-creator/Dockerfile.backend"
SCRIPT = "news-creator/entrypoint-backend.sh"
CONTRACT = "newscreator.yaml"
TOP = "set -euo pipefail\n"
SERVICE = "    restart: unless-stopped\n    init: true\n    read_only: true\n    tmpfs:\n"


def found(stack: Stack) -> list[tuple[str, Place | None, str]]:
    """Return each finding with its place and severity."""
    return [
        (one.item, one.finding.place, one.finding.severity)
        for one in stack.judged(SHADOWED).values()
        if one.finding is not None
    ]


def script(stack: Stack, line: str) -> None:
    """Let the start script begin with a line."""
    stack.edit(SCRIPT, TOP, f"{TOP}{line}\n")


def test_the_reference_stack_overwrites_nothing(stack: Stack) -> None:
    """Its script has defaults only, so there is nothing to ask."""
    assert not stack.judged(SHADOWED)


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("export OLLAMA_NUM_PARALLEL=4", "export OLLAMA_NUM_PARALLEL="),
        ('OLLAMA_NUM_PARALLEL="4"', 'OLLAMA_NUM_PARALLEL="'),
        ("set_up() { export OLLAMA_NUM_PARALLEL=4; }\nset_up", "export OLLAMA_NUM_PARALLEL="),
        ("N=4\nexport OLLAMA_NUM_PARALLEL=$N", "export OLLAMA_NUM_PARALLEL="),
    ],
)
def test_an_overwrite_is_found_at_its_value(stack: Stack, line: str, before: str) -> None:
    """Compose gives 1, and 4 is what the server gets."""
    script(stack, line)
    assert found(stack) == [("shadowed[backend OLLAMA_NUM_PARALLEL]", stack.behind(SCRIPT, before), "error")]
    (finding,) = stack.found(SHADOWED).values()
    message = "OLLAMA_NUM_PARALLEL becomes 4 here whatever it is given: backend is given 1 (invocation default)"
    assert finding.message == message


def test_a_variable_that_is_unset_is_found(stack: Stack) -> None:
    """The server falls back to a default of its own."""
    script(stack, "unset OLLAMA_KEEP_ALIVE")
    assert found(stack) == [("shadowed[backend OLLAMA_KEEP_ALIVE]", stack.behind(SCRIPT, f"{TOP}unset "), "error")]


def test_the_last_overwrite_is_what_counts(stack: Stack) -> None:
    """The first one is dead itself."""
    script(stack, "export OLLAMA_NUM_PARALLEL=4\nexport OLLAMA_NUM_PARALLEL=8")
    assert [place for _, place, _ in found(stack)] == [stack.behind(SCRIPT, "=4\nexport OLLAMA_NUM_PARALLEL=")]


@pytest.mark.parametrize(
    "line",
    [
        ': "${OLLAMA_NUM_PARALLEL:=4}"\nexport OLLAMA_NUM_PARALLEL',
        'export OLLAMA_NUM_PARALLEL="${OLLAMA_NUM_PARALLEL:-4}"',
        '[ -n "${OLLAMA_NUM_PARALLEL:-}" ] || export OLLAMA_NUM_PARALLEL=4',
        'if [ -z "${OLLAMA_NUM_PARALLEL:-}" ]; then OLLAMA_NUM_PARALLEL=4; fi',
        "unused() { export OLLAMA_NUM_PARALLEL=4; }",
        "( export OLLAMA_NUM_PARALLEL=4 )",
        "if [ -e /debug ]; then export OLLAMA_NUM_PARALLEL=4; fi",
        "# export OLLAMA_NUM_PARALLEL=4",
        "export SOMETHING_ELSE=4",
        'export PATH="/x:$PATH"',
    ],
)
def test_a_default_or_a_condition_is_silent(stack: Stack, line: str) -> None:
    """What is given wins, or nobody can say."""
    script(stack, line)
    assert not found(stack)


def test_an_overwrite_behind_the_server_is_silent(stack: Stack) -> None:
    """It has been started with what it was given."""
    stack.write(SCRIPT, "#!/bin/sh\nollama serve &\nexport OLLAMA_NUM_PARALLEL=4\nwait\n")
    assert not found(stack)


def test_an_overwrite_that_changes_nothing_today_is_a_note(stack: Stack) -> None:
    """No invocation gives another value."""
    script(stack, "export OLLAMA_KEEP_ALIVE=24h")
    assert [severity for _, _, severity in found(stack)] == ["note"]


def test_one_invocation_that_gives_another_value_makes_it_an_error(stack: Stack) -> None:
    """The rollback sets the base, and the script takes it back."""
    script(stack, "export OLLAMA_BASE_MODEL=gemma3:4b-it-qat")
    (finding,) = stack.found(SHADOWED).values()
    assert (finding.severity, finding.expected) == ("error", "gemma3:4b")
    assert finding.message.endswith("(invocation rollback)")


def test_a_sourced_file_overwrites_too(stack: Stack) -> None:
    """It runs in the same process; one that is called does not."""
    stack.write("news-creator/env.sh", "export OLLAMA_NUM_PARALLEL=4\n")
    copy = "COPY --chmod=0755 entrypoint-backend.sh"
    stack.edit(BACKEND, copy, f"COPY env.sh /opt/news-creator/\n{copy}")
    script(stack, ". /opt/news-creator/env.sh")
    assert found(stack) == [("shadowed[backend OLLAMA_NUM_PARALLEL]", Place("news-creator/env.sh", 1, 28), "error")]
    stack.edit(SCRIPT, ". /opt/news-creator/env.sh", "sh /opt/news-creator/env.sh")
    assert not found(stack)


@pytest.mark.parametrize(
    ("entry", "before"),
    [
        ("[env, OLLAMA_NUM_PARALLEL=4, ollama, serve]", "[env, OLLAMA_NUM_PARALLEL="),
        ("env OLLAMA_NUM_PARALLEL=4 ollama serve", "env OLLAMA_NUM_PARALLEL="),
        ("[tini, --, /usr/bin/env, -i, OLLAMA_NUM_PARALLEL=4, ollama, serve]", "-i, OLLAMA_NUM_PARALLEL="),
    ],
)
def test_a_word_of_the_command_line_overwrites(stack: Stack, entry: str, before: str) -> None:
    """`env X=4 program` gives the program its own X."""
    stack.edit(AI, SERVICE, f"    entrypoint: {entry}\n{SERVICE}")
    assert found(stack) == [("shadowed[backend OLLAMA_NUM_PARALLEL]", stack.behind(AI, before), "error")]


TEXTS = [
    '[sh, -c, "{}"]',
    "sh -c '{}'",
    'sh -c "{}"',
    "[sh, -c, 'true; {}']",
    "\n      - sh\n      - -c\n      - |\n        set -e\n        {}",
    "\n      - sh\n      - -c\n      - >-\n        {}",
    '[sh, -c, "export OTHER=\\"x\\"; {}"]',
]


@pytest.mark.parametrize("key", ["command", "entrypoint"])
@pytest.mark.parametrize("form", TEXTS)
def test_a_text_in_the_command_overwrites_at_its_value(stack: Stack, form: str, key: str) -> None:
    """`sh -c` is a script like any other, told at the value in it, and by this check alone."""
    text = form.replace("{}", "export OLLAMA_NUM_PARALLEL=4; exec ollama serve")
    stack.edit(AI, SERVICE, f"    entrypoint: []\n{SERVICE}" if key == "command" else SERVICE)
    stack.edit(AI, SERVICE, f"    {key}: {text}\n{SERVICE}")
    place = stack.behind(AI, "export OLLAMA_NUM_PARALLEL=")
    assert found(stack) == [("shadowed[backend OLLAMA_NUM_PARALLEL]", place, "error")]
    speaking = [one.item for one in stack.judge() if one.finding and one.finding.place == place]
    assert speaking == ["shadowed[backend OLLAMA_NUM_PARALLEL]"]


def test_a_variable_that_a_command_removes_is_found_in_its_text(stack: Stack) -> None:
    """There is no value to point at; the name is where it happens."""
    stack.edit(AI, SERVICE, f'    entrypoint: [sh, -c, "unset OLLAMA_KEEP_ALIVE; exec ollama serve"]\n{SERVICE}')
    assert [place for _, place, _ in found(stack)] == [stack.behind(AI, "unset ")]


def test_a_text_in_the_image_overwrites_at_its_value(stack: Stack) -> None:
    """The command of a Dockerfile is read the same way."""
    entry = 'ENTRYPOINT ["/opt/news-creator/entrypoint-backend.sh"]'
    stack.edit(BACKEND, entry, 'ENTRYPOINT ["sh", "-c", "export OLLAMA_NUM_PARALLEL=4; exec ollama serve"]')
    assert [place for _, place, _ in found(stack)] == [stack.behind(BACKEND, "export OLLAMA_NUM_PARALLEL=")]


def test_a_computed_overwrite_is_not_verified(stack: Stack) -> None:
    """Only running can tell what it comes to."""
    script(stack, "export OLLAMA_NUM_PARALLEL=$(nproc)")
    assert not found(stack)
    (one,) = stack.judged(SHADOWED).values()
    assert one.unverified
    assert "is overwritten by a computed value" in one.unverified.reason


def test_what_only_the_script_gives_is_held_to_the_contract(stack: Stack) -> None:
    """Nobody else gives it, so there is nothing to overwrite; its value has to be right."""
    stack.edit(AI, "      OLLAMA_NUM_PARALLEL: ${OLLAMA_NUM_PARALLEL:-1}\n", "")
    script(stack, "export OLLAMA_NUM_PARALLEL=1")
    assert not found(stack)
    stack.edit(SCRIPT, "export OLLAMA_NUM_PARALLEL=1", "export OLLAMA_NUM_PARALLEL=2")
    assert [severity for _, _, severity in found(stack)] == ["error"]


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        (
            '[sh, -c, "export OLLAMA_NUM_PARALLEL=4"]',
            "write $${OLLAMA_NUM_PARALLEL:-4} for a default, or remove the line",
        ),
        ('[sh, -c, "unset OLLAMA_NUM_PARALLEL"]', "remove the line, or give OLLAMA_NUM_PARALLEL nowhere"),
        ("[env, OLLAMA_NUM_PARALLEL=4, ollama, serve]", "take it off the command line: the environment gives it"),
    ],
)
def test_what_to_do_works_where_it_is_done(stack: Stack, key: str, fix: str) -> None:
    """Compose would put its own variable into a text of its file, and no shell sees the words of a command."""
    stack.edit(AI, SERVICE, f"    entrypoint: {key}\n{SERVICE}")
    assert [finding.fix for finding in stack.found(SHADOWED).values()] == [fix]


APP = "news-creator/app/news_creator/early.py"


def by_code(stack: Stack, path: str, text: str) -> list[tuple[str, str, str]]:
    """Write a file of the application, and return what is said of it: item, severity and message."""
    stack.write(path, text)
    return [
        (one.item, one.finding.severity, one.finding.message)
        for one in stack.judge()
        if one.finding and one.finding.place and one.finding.place.path == path
    ]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (APP, 'import os\nos.environ["LLM_NUM_CTX"] = "8192"\n'),
        (APP, 'import os\nos.environ.update({"LLM_NUM_CTX": "8192"})\n'),
        (APP, 'import os\nos.putenv("LLM_NUM_CTX", "8192")\n'),
        (APP, 'import os\nSMALL = "8192"\nos.environ["LLM_NUM_CTX"] = SMALL\n'),
        ("news-creator/app/news_creator/early.js", 'process.env.LLM_NUM_CTX = "8192"\n'),
        (
            "news-creator/app/news_creator/early.go",
            'package main\n\nfunc main() {\n\tos.Setenv("LLM_NUM_CTX", "8192")\n}\n',
        ),
        ("news-creator/app/news_creator/early.rb", "ENV['LLM_NUM_CTX'] = '8192'\n"),
    ],
)
def test_code_that_sets_a_variable_whenever_it_is_loaded_overwrites_it(stack: Stack, path: str, line: str) -> None:
    """It is no default: what Compose gives never gets through. One finding says so."""
    ((item, severity, message),) = by_code(stack, path, line)
    assert (item, severity) == ("shadowed[app LLM_NUM_CTX]", "error")
    assert message == "LLM_NUM_CTX becomes 8192 here whatever it is given: app is given 16384 (invocation default)"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (APP, 'import os\n\n\ndef small():\n    os.environ["LLM_NUM_CTX"] = "8192"\n'),
        (APP, 'import os\nif os.environ.get("DEBUG"):\n    os.environ["LLM_NUM_CTX"] = "8192"\n'),
        ("news-creator/app/news_creator/early.js", 'function small() { process.env.LLM_NUM_CTX = "8192" }\n'),
    ],
)
def test_code_that_may_set_a_variable_is_held_to_the_contract(stack: Stack, path: str, line: str) -> None:
    """Nobody knows whether it comes to it; the value is wrong either way, and is no default."""
    ((item, severity, message),) = by_code(stack, path, line)
    assert (item, severity) == (f"default[{path} LLM_NUM_CTX]", "error")
    assert message == "LLM_NUM_CTX is set to 8192, the contract says 16384"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (APP, 'import os\nos.environ.setdefault("LLM_NUM_CTX", "8192")\n'),
        (APP, 'import os\nos.environ["LLM_NUM_CTX"] = os.environ.get("LLM_NUM_CTX", "8192")\n'),
        ("news-creator/app/news_creator/early.js", 'process.env.LLM_NUM_CTX ??= "8192"\n'),
        ("news-creator/app/news_creator/early.js", 'if (!process.env.LLM_NUM_CTX) process.env.LLM_NUM_CTX = "8192"\n'),
        ("news-creator/app/news_creator/early.rb", "ENV['LLM_NUM_CTX'] = '8192' unless ENV['LLM_NUM_CTX']\n"),
    ],
)
def test_a_default_in_code_is_still_a_default(stack: Stack, path: str, line: str) -> None:
    """What is given gets through."""
    ((item, _, message),) = by_code(stack, path, line)
    assert (item, message) == (f"default[{path} LLM_NUM_CTX]", "LLM_NUM_CTX defaults to 8192, the contract says 16384")


def test_what_the_contract_does_not_declare_is_a_note(stack: Stack) -> None:
    """Code may have its reasons; that it differs from what Compose gives is said."""
    ((item, severity, message),) = by_code(stack, APP, 'import os\nos.environ["LOG_LEVEL"] = "DEBUG"\n')
    assert (item, severity) == ("shadowed[app LOG_LEVEL]", "note")
    assert message == "LOG_LEVEL becomes DEBUG here whatever it is given: app is given INFO (invocation default)"


@pytest.mark.parametrize("line", ['os.environ["LLM_NUM_CTX"] = "16384"', 'os.environ["HF_HUB_OFFLINE"] = "1"'])
def test_code_that_changes_nothing_is_no_error(stack: Stack, line: str) -> None:
    """The declared value is a note, since the next change in Compose has no effect; what nobody gives is nothing."""
    assert {severity for _, severity, _ in by_code(stack, APP, f"import os\n{line}\n")} <= {"note"}


def test_code_that_is_in_no_image_of_the_service_overwrites_nothing(stack: Stack) -> None:
    """A tool beside the application runs by itself."""
    line = 'import os\nos.environ["LLM_NUM_CTX"] = "16384"\n'
    assert by_code(stack, "tools/measure.py", line) == []
