"""Every service of the contract says itself whether it is ready, by a command that can say no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.hygiene.health import HEALTHCHECK, cannot_fail, command_cannot_fail

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
BACKEND = "news-creator/Dockerfile.backend"
BUILD = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"
ITEM = "healthcheck[backend]"
READY = "it counts as ready as soon as it runs"


def with_check(stack: Stack, text: str) -> None:
    """Replace the backend's whole health check by other lines."""
    before, _, rest = stack.text(AI).partition("    healthcheck:\n")
    stack.write(AI, before + text + "    restart:" + rest.partition("    restart:")[2])


def test_a_service_without_a_health_check_is_found_at_its_name(stack: Stack) -> None:
    """What is missing there is named, so that other missing things are findings of their own."""
    with_check(stack, "")
    ((item, finding),) = stack.found(HEALTHCHECK).items()
    assert item == ITEM
    name = stack.behind(AI, "services:\n  ")
    assert finding.headline == f"{name}: backend has no health check, should have one: {READY}"
    assert finding.lacks == "healthcheck"
    assert finding.severity == "error"
    assert "5.27" in finding.fix


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("healthcheck: !reset null", "healthcheck: "),
        ("healthcheck: {test: !reset null}", "test: "),
        ("healthcheck: !override {interval: 5s}", "healthcheck: "),
        ("healthcheck: {disable: true}", "disable: "),
        ('healthcheck: {test: ["NONE"]}', 'test: ["'),
    ],
)
def test_a_health_check_that_one_invocation_takes_away_is_blamed_there(stack: Stack, line: str, before: str) -> None:
    """The service's own file has one: what removes it is the place, whichever way it does."""
    stack.edit(CPU, "  news-creator-backend:\n", f"  news-creator-backend:\n    {line}\n")
    finding = stack.found(HEALTHCHECK)[ITEM]
    assert finding.place == stack.behind(CPU, before)
    assert ("(taken away by this" in finding.message) is ("!" in line)


def test_without_the_baseline_it_is_a_note(stack: Stack) -> None:
    """Hardening is what the contract asks for, or a hint."""
    stack.edit("newscreator.yaml", "security: baseline", "#")
    with_check(stack, "")
    assert stack.found(HEALTHCHECK)[ITEM].severity == "note"


def test_options_without_a_test_are_no_health_check(stack: Stack) -> None:
    """Compose takes the image's, and that has none."""
    with_check(stack, "    healthcheck: {interval: 3s}\n")
    finding = stack.found(HEALTHCHECK)[ITEM]
    assert finding.place == stack.behind(AI, "selected base.\n    healthcheck: ")


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("{disable: true}", "{disable: "),
        ("{test: [NONE]}", "{test: ["),
        ('{test: ["NONE"]}', '{test: ["'),
        ("{test: NONE}", "{test: "),
    ],
)
def test_a_health_check_that_is_switched_off_is_found(stack: Stack, text: str, before: str) -> None:
    """At the word that switches it off."""
    with_check(stack, f"    healthcheck: {text}\n")
    assert stack.found(HEALTHCHECK)[ITEM].place == stack.behind(AI, f"    healthcheck: {before}")
    assert "switched off" in stack.found(HEALTHCHECK)[ITEM].message


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("{test: 'true'}", "{test: '"),
        ("{test: [CMD, 'true']}", "[CMD, '"),
        ("{test: [CMD-SHELL, exit 0]}", "[CMD-SHELL, "),
        ('{test: "curl -f http://localhost:11434 || true"}', '{test: "'),
        ("{test: ['CMD', 'sh', '-c', 'ollama list; exit 0']}", "'-c', '"),
    ],
)
def test_a_health_check_that_cannot_fail_is_found_at_its_command(stack: Stack, text: str, before: str) -> None:
    """It says healthy whatever happens."""
    with_check(stack, f"    healthcheck: {text}\n")
    finding = stack.found(HEALTHCHECK)[ITEM]
    assert finding.place == stack.behind(AI, before)
    assert "cannot fail" in finding.message


def test_what_one_invocation_switches_off_names_it(stack: Stack) -> None:
    """The override file's own word is the place."""
    stack.edit(CPU, "  news-creator-backend:\n", "  news-creator-backend:\n    healthcheck: {disable: true}\n")
    finding = stack.found(HEALTHCHECK)[ITEM]
    assert finding.place == stack.behind(CPU, "disable: ")
    assert finding.message.endswith("(invocation cpu)")


def test_the_images_own_health_check_counts(stack: Stack) -> None:
    """Of the Dockerfile that builds it, with Compose's options or without; also of a stage below."""
    with_check(stack, "    healthcheck: {interval: 5s}\n")
    stack.edit(BACKEND, "USER ollama\n", "HEALTHCHECK CMD ollama list\nFROM 0 AS last\nUSER ollama\n")
    stack.edit(BACKEND, "FROM ollama/ollama:0.24.0\n", "FROM ollama/ollama:0.24.0 AS first\n")
    stack.edit(BACKEND, "FROM 0 AS last", "FROM first")
    assert stack.found(HEALTHCHECK) == {}


@pytest.mark.parametrize("instruction", ["NONE", "--interval=5s CMD exit 0", 'CMD ["true"]', "CMD ollama list || true"])
def test_the_images_own_health_check_is_held_to_the_same(stack: Stack, instruction: str) -> None:
    """At what the instruction says, behind its flags; a stage above does not hide the place."""
    with_check(stack, "")
    stack.edit(BACKEND, "FROM ollama/ollama:0.24.0\n", "FROM ollama/ollama:0.24.0 AS first\n")
    stack.edit(BACKEND, "USER ollama\n", f"HEALTHCHECK {instruction}\nFROM first\nUSER ollama\n")
    flag, _, _ = instruction.rpartition("CMD ")
    assert stack.found(HEALTHCHECK)[ITEM].place == stack.behind(
        BACKEND, f"HEALTHCHECK {flag.rstrip()} ".replace("  ", " ")
    )


def test_a_pulled_image_may_bring_one(stack: Stack) -> None:
    """Where nobody knows it, it is not verified; of Ollama's it is known that it brings none."""
    with_check(stack, "")
    stack.edit(AI, BUILD, "    image: registry.example/team/ollama:1\n")
    assert stack.found(HEALTHCHECK) == {}
    assert "registry.example/team/ollama:1" in stack.unverified(HEALTHCHECK)[ITEM]
    stack.edit(AI, "registry.example/team/ollama:1", "docker.io/ollama/ollama:0.24.0")
    assert list(stack.found(HEALTHCHECK)) == [ITEM]


def test_services_outside_the_contract_are_their_own_affair(stack: Stack) -> None:
    """They may be jobs."""
    stack.edit(AI, "\nvolumes:\n", "  job: {image: 'busybox:1'}\n\nvolumes:\n")
    assert stack.found(HEALTHCHECK) == {}


@pytest.mark.parametrize(
    "script",
    [
        "",
        "true",
        ":",
        "exit 0",
        "exit",
        "/bin/true",
        "echo ok",
        "echo ok && exit 0",
        "curl -f http://x || true",
        "curl -f http://x >/dev/null 2>&1 || exit 0",
        "curl -f http://x || echo down",
        "curl -f http://x; true",
        "curl -f http://x\ntrue",
        "curl -s http://x | grep -q ok || :",
        "(curl -f http://x || true)",
        "sh -c 'curl -f http://x || true'",
        "bash -c true",
        "ollama -v",
        "ollama --version >/dev/null",
        "ollama -v >/dev/null 2>&1",
        "ollama -v 2>/dev/null",
        "curl -f http://x && exit 0 || true",
        "curl -f http://x | echo",
        "test -e /a ; true || true",
    ],
)
def test_a_script_that_cannot_fail_is_known(script: str) -> None:
    """Whatever its commands find, its end is success."""
    assert cannot_fail(script)


@pytest.mark.parametrize(
    "script",
    [
        "ollama list",
        "curl -f http://x || exit 1",
        "curl -f http://x && true",
        "true && curl -f http://x",
        "curl -f http://x || (echo down; exit 1)",
        "curl -f http://x || { echo down; exit 1; }",
        "if curl -f http://x; then exit 0; else exit 1; fi",
        "curl -f http://x || exit 1; true",
        "set -e; curl -f http://x; true",
        "set -e\ncurl -f http://x\nexit 0",
        "test -e /ready; exit",
        'test "$(curl -s http://x || true)" = ok',
        "curl -s http://x | grep -q true",
        "echo 'never closed",
        "grep -q true /proc/1/status",
        "sh -ec 'curl -f http://x; true'",
        "exit 1",
        "ollama show a || true; ollama show b",
    ],
)
def test_a_script_that_can_fail_is_left_alone(script: str) -> None:
    """Also one that only looks as if it could not."""
    assert not cannot_fail(script)


@pytest.mark.parametrize(
    ("argv", "cannot"),
    [
        (["true"], True),
        (["sh", "-c", "true"], True),
        (["/bin/bash", "-lc", "curl -f x || :"], True),
        (["sh", "-ec", "curl -f x; true"], False),
        (["python", "-c", "true"], False),
        (["curl", "-f", "http://x"], False),
        (["ollama", "ps"], False),
    ],
)
def test_a_command_without_a_shell_is_read_as_it_is(argv: list[str], *, cannot: bool) -> None:
    """A shell's own script is read as a script."""
    assert command_cannot_fail(argv) is cannot
