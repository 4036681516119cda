"""A wrong option ends the run before anything starts: exit code 4, one message, no traceback."""

from __future__ import annotations

import pytest

CONTRACT = """\
version: 1
model: {base: gemma3:1b, service: local}
services:
  local: {kind: ollama, process: {command: [ollama, serve]}}
"""


def refused(pytester: pytest.Pytester, *options: str, alone: bool = False) -> str:
    """Run with options that must be refused, in a process of its own if `alone`; return everything that was said."""
    pytester.makefile(".yaml", newscreator=CONTRACT)
    run = pytester.runpytest_subprocess if alone else pytester.runpytest
    result = run("-p", "no:cacheprovider", *options)
    said = result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR, said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    return said


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("stack", "foo", "--newscreator-stack foo is none of auto, compose, process, attach, none, nor a URL"),
        ("stack", "http://127.0.0.1:99999", "--newscreator-stack http://127.0.0.1:99999 is no address"),
        ("stack", "http://[::1", "--newscreator-stack http://[::1 is no address"),
        ("stack", "http://", "--newscreator-stack http:// is no address"),
        ("invocation", "nope", "--newscreator-invocation nope is not declared, the contract declares none"),
        ("base-file", "foo", "--newscreator-base-file foo names no file"),
        ("base-file", "gemma3:1b=missing.gguf", "--newscreator-base-file gemma3:1b=missing.gguf names no file"),
        ("report", "newscreator.yaml", "--newscreator-report newscreator.yaml is no folder to write to (File exists)"),
        ("require", "dcker", "--newscreator-require knows docker, ollama, gpu and stack, not dcker"),
    ],
)
def test_a_wrong_option_is_refused(pytester: pytest.Pytester, option: str, value: str, message: str) -> None:
    """The message names the option, what was given and what would do."""
    assert message in refused(pytester, f"--newscreator-{option}", value)


def test_a_wrong_invocation_is_refused_under_xdist_too(pytester: pytest.Pytester) -> None:
    """Only the controller can end a distributed run."""
    assert "--newscreator-invocation nope is not declared" in refused(
        pytester, "-n2", "--newscreator-invocation", "nope"
    )


def test_docker_required_and_not_there_ends_a_run_that_needs_a_stack(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process stack does not stand in for the Docker that was asked for."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert "docker is required, and not verified: no Docker daemon answers" in refused(
        pytester, "--newscreator-require", "docker", alone=True
    )


def test_what_is_required_does_not_concern_a_run_without_a_stack(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-m config` needs no daemon, whatever the environment requires of live runs."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("NEWSCREATOR_REQUIRE", "docker,gpu")
    pytester.makefile(".yaml", newscreator=CONTRACT)
    pytester.makefile("", Modelfile="FROM gemma3:1b\n")
    result = pytester.runpytest("-p", "no:cacheprovider", "-m", "config")
    assert result.ret == pytest.ExitCode.OK
