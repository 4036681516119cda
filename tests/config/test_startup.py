"""What a container starts is found in the repository, whatever way it comes into the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.places import Place
from pytest_newscreator.resolve.start.scripts import running

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.resolve.start.scripts import Running

AI = "compose/ai.yaml"
BACKEND = "news-creator/Dockerfile.backend"
SCRIPT = "news-creator/entrypoint-backend.sh"
OLD = 'ENTRYPOINT ["/opt/news-creator/entrypoint-backend.sh"]\nCMD []\n'
SERVICE = "    restart: unless-stopped\n    init: true\n    read_only: true\n    tmpfs:\n"
SH = "#!/bin/sh\n"


def backend(stack: Stack) -> Running:
    """Return the backend as it starts."""
    repository = stack.repository()
    project = repository.resolved["default"]
    return running(repository, project, project.services["news-creator-backend"])


def started(stack: Stack) -> list[str]:
    """Return the scripts of the repository that the backend starts."""
    return [script.source.path for script in backend(stack).startup.scripts]


def image(stack: Stack, instructions: str) -> None:
    """Let the image end in other instructions."""
    stack.edit(BACKEND, OLD, instructions)


def compose(stack: Stack, keys: str) -> None:
    """Give keys to the service."""
    stack.edit(AI, SERVICE, keys + SERVICE)


def test_the_reference_stack_starts_its_entrypoint(stack: Stack) -> None:
    """At the path that COPY gave it."""
    (script,) = backend(stack).startup.scripts
    assert (script.source.path, script.path) == (SCRIPT, "/opt/news-creator/entrypoint-backend.sh")
    assert not backend(stack).startup.unknown


@pytest.mark.parametrize(
    "instructions",
    [
        "COPY start.sh /\nENTRYPOINT /start.sh",
        "COPY start.sh /usr/local/bin/\nENTRYPOINT []\nCMD start.sh",
        'WORKDIR /app\nCOPY start.sh .\nENTRYPOINT ["./start.sh"]',
        'COPY start.sh /begin\nENTRYPOINT ["/bin/bash", "-eu", "/begin"]',
        'COPY *.sh /scripts/\nENTRYPOINT ["/sbin/tini", "-g", "--", "/scripts/start.sh"]',
        'COPY . /srv\nENTRYPOINT ["sh", "-c", "exec /srv/start.sh"]',
        'COPY start.sh /s/\nENTRYPOINT ["env", "A=b", "gosu", "ollama", "/s/start.sh"]',
        'COPY start.sh /s/\nENTRYPOINT ["/s/start.sh"]\nUSER root',
    ],
)
def test_an_image_starts_a_script_in_many_ways(stack: Stack, instructions: str) -> None:
    """The path is followed through COPY, the working folder, wrappers and shells."""
    stack.write("news-creator/start.sh", f"{SH}ollama serve\n")
    image(stack, f"{instructions}\n")
    assert "news-creator/start.sh" in started(stack)


def test_a_script_of_an_earlier_stage_is_followed(stack: Stack) -> None:
    """COPY --from takes it from where that stage put it."""
    stack.write("news-creator/start.sh", f"{SH}ollama serve\n")
    stack.write(
        BACKEND,
        "FROM alpine AS made\nCOPY start.sh /made/\nFROM ollama/ollama:0.24.0\n"
        'COPY --from=made /made /opt/\nENTRYPOINT ["/opt/start.sh"]\n',
    )
    assert started(stack) == ["news-creator/start.sh"]


def test_a_script_written_by_the_dockerfile_keeps_its_lines(stack: Stack) -> None:
    """Places in it are those of the Dockerfile."""
    stack.write(
        BACKEND,
        "FROM ollama/ollama:0.24.0\nCOPY --chmod=755 <<'EOF' /start.sh\n#!/bin/sh\nollama create a -f /b\nEOF\n"
        'ENTRYPOINT ["/start.sh"]\n',
    )
    ((_, call),) = backend(stack).calls("create")
    assert (call.names, call.place) == (("a",), Place(BACKEND, 4, 1))


@pytest.mark.parametrize(
    "keys",
    [
        "    entrypoint: /x/start.sh\n",
        "    entrypoint: [sh, /x/start.sh]\n",
        "    entrypoint: []\n    command: [/x/start.sh]\n",
        '    entrypoint: ["/bin/sh", "-ec", "/x/start.sh && sleep 1"]\n',
        "    working_dir: /x\n    entrypoint: ./start.sh\n",
    ],
)
def test_compose_starts_a_mounted_script(stack: Stack, keys: str) -> None:
    """A mount hides what the image has there."""
    stack.write("compose/x/start.sh", f"{SH}ollama serve\n")
    stack.edit(AI, "      - models:/var/lib/ollama\n", "      - models:/var/lib/ollama\n      - ./x:/x:ro\n")
    compose(stack, keys)
    assert "compose/x/start.sh" in started(stack)
    assert SCRIPT not in started(stack)


def test_a_script_in_a_config_is_followed(stack: Stack) -> None:
    """From a file, or from a text of which only the Compose file has a place."""
    stack.write("compose/start.sh", f"{SH}ollama create a -f /b\n")
    compose(stack, "    entrypoint: [/start.sh]\n    configs: [{source: start, target: /start.sh}]\n")
    before = stack.text(AI)
    stack.write(AI, f"{before}\nconfigs:\n  start:\n    file: ./start.sh\n")
    assert started(stack) == ["compose/start.sh"]
    stack.write(AI, f"{before}\nconfigs:\n  start:\n    content: |\n      #!/bin/sh\n      ollama create a -f /b\n")
    ((script, call),) = backend(stack).calls("create")
    assert script.at(call.place).path == AI


@pytest.mark.parametrize("command", ['"ollama create a -f /b"', "[ollama, create, a, -f, /b]"])
def test_a_hook_is_started_too(stack: Stack, command: str) -> None:
    """What it exports reaches nobody."""
    compose(stack, f"    post_start:\n      - command: {command}\n")
    ((script, call),) = [(s, c) for s, c in backend(stack).calls("create") if s.inline]
    assert (call.names, script.reaches) == (("a",), False)
    assert script.place == stack.behind(AI, "      - command: " + ('"' if command.startswith('"') else "["))


@pytest.mark.parametrize(
    ("line", "reaches"),
    [
        (". /s/lib.sh", True),
        ('. "$(dirname "$0")/lib.sh"', True),
        ('source "${HERE}/lib.sh"', True),
        ("exec /s/lib.sh", True),
        ("if true; then . ./lib.sh; fi", True),
        ("/s/lib.sh", False),
        ('bash "$HERE/lib.sh" &', False),
    ],
)
def test_what_a_script_runs_is_started(stack: Stack, line: str, reaches: bool) -> None:
    """A sourced or executed one goes on in the same process; one that is called does not."""
    stack.write("news-creator/start.sh", f"{SH}{line}\nollama serve\n")
    stack.write("news-creator/lib.sh", f"{SH}export A=b\n")
    image(stack, 'WORKDIR /s\nCOPY start.sh lib.sh /s/\nENTRYPOINT ["/s/start.sh"]\n')
    assert [(s.source.path, s.reaches) for s in backend(stack).startup.scripts] == [
        ("news-creator/start.sh", True),
        ("news-creator/lib.sh", reaches),
    ]


def test_a_script_in_a_comment_is_not_started(stack: Stack) -> None:
    """Nothing runs it."""
    stack.write("news-creator/start.sh", f"{SH}# see /s/lib.sh\nollama serve\n")
    stack.write("news-creator/lib.sh", SH)
    image(stack, 'COPY start.sh lib.sh /s/\nENTRYPOINT ["/s/start.sh"]\n')
    assert started(stack) == ["news-creator/start.sh"]


def test_scripts_that_run_each_other_end(stack: Stack) -> None:
    """Each is there once."""
    stack.write("news-creator/a.sh", f"{SH}. /s/b.sh\n")
    stack.write("news-creator/b.sh", f"{SH}. /s/a.sh\n")
    image(stack, 'COPY a.sh b.sh /s/\nENTRYPOINT ["/s/a.sh"]\n')
    assert started(stack) == ["news-creator/a.sh", "news-creator/b.sh"]


def test_the_command_of_an_image_goes_to_its_entrypoint(stack: Stack) -> None:
    """`exec "$@"` starts it."""
    stack.write("news-creator/a.sh", f'{SH}exec "$@"\n')
    stack.write("news-creator/b.sh", f"{SH}ollama serve\n")
    image(stack, 'COPY a.sh b.sh /s/\nENTRYPOINT ["/s/a.sh"]\nCMD ["/s/b.sh"]\n')
    assert started(stack) == ["news-creator/a.sh", "news-creator/b.sh"]


@pytest.mark.parametrize(
    ("instructions", "unknown"),
    [
        ('COPY serve.py /\nENTRYPOINT ["/serve.py"]', "news-creator/serve.py is no shell script"),
        ('ENTRYPOINT ["/app/server"]', "/app/server is no script of the repository"),
        ('ENTRYPOINT ["sh", "/gone.sh"]', "the script that the container starts is not in the repository"),
    ],
)
def test_what_cannot_be_read_is_said(stack: Stack, instructions: str, unknown: str) -> None:
    """A program of another kind is no empty start."""
    stack.write("news-creator/serve.py", "#!/usr/bin/env python3\n")
    image(stack, f"{instructions}\n")
    assert backend(stack).startup.unknown == unknown
    assert not started(stack)


def test_the_official_image_starts_its_server(stack: Stack) -> None:
    """It has no script, and that is known."""
    image(stack, "")
    container = backend(stack)
    assert [script.source.text for script in container.startup.scripts] == ["ollama serve"]
    assert not container.startup.unknown
