"""What a container mounts of the repository is there, and is a file where a file is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source.mounts import MOUNT
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
MODELS = "      - models:/var/lib/ollama\n"
LONG = """      - type: bind
        source: {source}
        target: {target}
"""


def found(stack: Stack) -> list[tuple[str, Place | None, str]]:
    """Return each finding with its place and severity."""
    return [
        (one.item, one.finding.place, one.finding.severity)
        for one in stack.judged(MOUNT).values()
        if one.finding is not None
    ]


def mount(stack: Stack, entry: str) -> Place:
    """Let the backend mount something more; return where the entry's text begins."""
    stack.edit(AI, MODELS, f"{MODELS}      - {entry}\n")
    return stack.behind(AI, f"{MODELS}      - " + ('"' if entry.startswith('"') else ""))


def test_the_reference_stack_mounts_what_is_there(stack: Stack) -> None:
    """The folder of model files is the only thing that comes from the repository."""
    assert [(item, one.finding, one.unverified) for item, one in stack.judged(MOUNT).items()] == [
        ("mount[backend /model-files]", None, None)
    ]


@pytest.mark.parametrize(
    "entry",
    ["./gone.yaml:/etc/x.yaml", "./gone:/etc/x.conf", '"./gone.json:/etc/x:ro"', "../news-creator/Modelfile.x:/m/f"],
)
def test_a_file_that_is_not_there_is_an_error(stack: Stack, entry: str) -> None:
    """Docker would make a folder of it."""
    place = mount(stack, entry)
    target = entry.strip('"').split(":")[1]
    assert found(stack) == [(f"mount[backend {target}]", place, "error")]


def test_a_folder_that_is_not_there_is_a_note(stack: Stack) -> None:
    """Docker makes an empty one, which may be meant."""
    place = mount(stack, "./gone:/data")
    assert found(stack) == [("mount[backend /data]", place, "note")]
    message = "backend mounts compose/gone at /data, and there is no compose/gone: Docker makes an empty folder of it"
    (finding,) = stack.found(MOUNT).values()
    assert finding.message == f"{message} (invocation default)"


def test_the_long_syntax_is_strict(stack: Stack) -> None:
    """Docker refuses to start, and the source itself is the place."""
    stack.edit(AI, MODELS, MODELS + LONG.format(source="./gone", target="/data"))
    assert found(stack) == [("mount[backend /data]", stack.behind(AI, "        source: "), "error")]


def test_the_long_syntax_may_ask_for_the_folder(stack: Stack) -> None:
    """`create_host_path` makes it like the short one."""
    more = LONG.format(source="./gone", target="/data") + "        bind: {create_host_path: true}\n"
    stack.edit(AI, MODELS, MODELS + more)
    assert [severity for _, _, severity in found(stack)] == ["note"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("./conf:/etc/app.yaml", "compose/conf is a folder and /etc/app.yaml a file"),
        ("./conf:/models/Modelfile.x", "compose/conf is a folder and /models/Modelfile.x a file"),
        ("./ai.yaml:/etc/conf.d/", "compose/ai.yaml is a file and /etc/conf.d/ a folder"),
        ("./ai.yaml:/etc/conf.d/:ro", "compose/ai.yaml is a file and /etc/conf.d/ a folder"),
    ],
)
def test_a_mount_of_two_kinds_is_an_error(stack: Stack, entry: str, says: str) -> None:
    """A file cannot be mounted on a folder, nor a folder on a file."""
    stack.write("compose/conf/a.txt", "")
    place = mount(stack, entry)
    ((_, where, severity),) = found(stack)
    (finding,) = stack.found(MOUNT).values()
    assert (where, severity) == (place, "error")
    assert finding.message.endswith(says)


@pytest.mark.parametrize(
    "entry",
    [
        "./conf:/etc/conf.d",
        "./conf:/etc/app/",
        "./ai.yaml:/etc/app.yaml:ro",
        "./ai.yaml:/etc/noextension",
        "/dev/null:/etc/app.yaml",
        "/etc/localtime:/etc/localtime:ro",
        "~/.ollama:/home/ollama/.ollama",
        "../../elsewhere:/data",
        "/var/run/docker.sock:/var/run/docker.sock",
        "cache:/home/ollama/.cache",
        "/anonymous.yaml",
        "${NOWHERE:-./conf}:/data",
    ],
)
def test_what_is_there_or_a_hosts_own_is_silent(stack: Stack, entry: str) -> None:
    """Only the repository's own files can be missing from it."""
    stack.write("compose/conf/a.txt", "")
    stack.edit(AI, "volumes:\n  models:\n", "volumes:\n  models:\n  cache:\n")
    mount(stack, entry)
    assert not found(stack)


def test_a_default_is_blamed_where_it_stands(stack: Stack) -> None:
    """The text behind `:-` names the folder."""
    mount(stack, "${CONF:-./gone.yaml}:/etc/x.yaml")
    assert found(stack) == [("mount[backend /etc/x.yaml]", stack.behind(AI, "${CONF:-"), "error")]


def test_one_invocation_is_enough(stack: Stack) -> None:
    """A file that only the CPU way of starting mounts is named with it."""
    cpu = "compose/cpu.yaml"
    stack.edit(cpu, "  news-creator-backend:\n", "  news-creator-backend:\n    volumes: [./gone.sh:/x.sh]\n")
    assert found(stack) == [("mount[backend /x.sh]", stack.behind(cpu, "volumes: ["), "error")]
    (finding,) = stack.found(MOUNT).values()
    assert finding.message.endswith("(invocation cpu)")


def test_a_file_that_git_ignores_is_not_verified(stack: Stack) -> None:
    """Every host has its own."""
    stack.git()
    mount(stack, "./.env:/app/.env")
    assert not found(stack)
    assert [item for item, one in stack.judged(MOUNT).items() if one.unverified] == ["mount[backend /app/.env]"]


def test_a_service_outside_of_the_contract_is_not_judged(stack: Stack) -> None:
    """It is somebody else's."""
    stack.edit(AI, "services:\n", "services:\n  other:\n    image: nginx:1\n    volumes: [./gone.conf:/etc/x.conf]\n")
    assert not found(stack)


@pytest.mark.parametrize(("kind", "target"), [("configs", "/app"), ("secrets", "/run/secrets/app")])
def test_a_config_from_a_file_that_is_not_there_is_an_error(stack: Stack, kind: str, target: str) -> None:
    """The place is where its file is declared; one that no service uses is nobody's."""
    declared = f"{kind}:\n  app:\n    file: ./gone.toml\n"
    text = stack.text(AI).replace("secrets:\n  # For", f"{declared}  # For") if kind == "secrets" else ""
    stack.write(AI, text or f"{stack.text(AI)}\n{declared}")
    assert not found(stack)
    stack.edit(
        AI, "    init: true\n    read_only: true\n    tmpfs: [/tmp]\n", f"    tmpfs: [/tmp]\n    {kind}: [app]\n"
    )
    assert found(stack) == [(f"mount[app {target}]", stack.behind(AI, "  app:\n    file: "), "error")]
    stack.write("compose/gone.toml", "")
    assert not found(stack)


def test_a_config_written_in_place_is_silent(stack: Stack) -> None:
    """Its text is no file."""
    stack.write(AI, f"{stack.text(AI)}\nconfigs:\n  app:\n    content: a\n")
    stack.edit(AI, "    tmpfs: [/tmp]\n", "    tmpfs: [/tmp]\n    configs: [{source: app, target: /etc/app.toml}]\n")
    assert not found(stack)
