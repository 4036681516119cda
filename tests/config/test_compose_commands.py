"""The commands of a Compose file are read as what runs them reads them."""

from __future__ import annotations

import pytest

from pytest_newscreator.sources.compose.reader import READER
from pytest_newscreator.sources.sites import Read, SourceFile


def read(body: str) -> Read:
    """Read a Compose file with one service, whose body starts in line 3, column 5."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return READER.read(SourceFile("compose.yaml", f"services:\n  app:\n{lines}"))


def told(body: str) -> list[str]:
    """Return the sites of a service, a line each; bare words without a tag or number are left out."""
    found = []
    for site in sorted(read(body).sites, key=lambda site: site.place):
        if site.kind != "literal" or ":" in (site.value or ""):
            into = f" into {site.into}" if site.into else ""
            place = f"{site.place.line}:{site.place.column}"
            found.append(f"{place} {site.kind} {site.setting or '-'}={site.value}{into}")
    return found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("command: [app, --model, 'gemma3:4b']", ["3:30 literal -=gemma3:4b"]),
        ("command: [app, --default-model=gemma3:4b]", ["3:36 literal -=gemma3:4b"]),
        ("command: app --model gemma3:4b --x=a:b", ["3:26 literal -=gemma3:4b", "3:40 literal -=a:b"]),
        ("command: env X=d app", ["3:20 compose-value X=d"]),
        ("command: [env, X=d, '--set=Y=e', app]", ["3:22 compose-value X=d", "3:34 compose-value Y=e"]),
        ("command: [app, --model, '${M:-gemma3:4b}']", ["3:35 compose-default M=gemma3:4b"]),
        ("command: app --model=${M:-gemma3:4b}", ["3:31 compose-default M=gemma3:4b"]),
        ("command: ollama pull ${M:-gemma3:4b}", ["3:31 compose-default M=gemma3:4b"]),
        (
            "command: sh -c 'ollama pull $${M:-gemma3:4b}'",
            ["3:39 shell-default M=gemma3:4b", "3:39 ollama-argument -=gemma3:4b"],
        ),
        ("command: sh -c 'export X=d; Y=$$X app'", ["3:30 compose-value X=d", "3:35 shell-default X=None into Y"]),
        (
            'command:\n  - sh\n  - -c\n  - |\n    X=d ollama serve &\n    curl -d \'{"model": "a:b"}\' h',
            ["7:11 compose-value X=d", "8:29 json-body model=a:b"],
        ),
        ("entrypoint: [/bin/sh, -c]\ncommand: ['ollama pull a']", ["4:28 ollama-argument -=a"]),
        ('entrypoint: [bash, -euo, pipefail, -c, "ollama pull a"]', ["3:57 ollama-argument -=a"]),
        ("entrypoint: [ollama]\ncommand: [run, a]", ["4:20 ollama-argument -=a"]),
        ("image: ollama/ollama\ncommand: run a", ["4:18 ollama-argument -=a"]),
        ("image: ollama/ollama\nentrypoint: [app]\ncommand: [run, 'a:b']", ["5:21 literal -=a:b"]),
        ("image: ollama/ollama\nentrypoint: /start.sh\ncommand: [run, a]", []),
        ("healthcheck: {test: [CMD-SHELL, 'ollama show a || exit 1']}", ["3:50 ollama-argument -=a"]),
        ("healthcheck:\n  test: ollama show a", ["4:25 ollama-argument -=a"]),
        ("healthcheck:\n  test: [NONE]", []),
        ("post_start:\n  - command: ollama pull a", ["4:30 ollama-argument -=a"]),
        ("pre_stop:\n  - command: [ollama, show, a]", ["4:33 ollama-argument -=a"]),
        ("develop:\n  watch:\n    - exec: {command: ollama pull a}", ["5:39 ollama-argument -=a"]),
        ("labels: {a: 'ollama pull x', b: 'gemma3:4b'}", []),
        ("command: echo ollama pull a", []),
    ],
)
def test_a_command_says_what_it_gives_to_whom(body: str, expected: list[str]) -> None:
    """As a list, as a string and as a script, each word at its own place and once."""
    assert told(body) == expected


@pytest.mark.parametrize(
    "command",
    [
        'command: sh -c "sleep 1; ollama pull gemma"',
        "command: >\n  sh -c 'sleep 1;\n  ollama pull gemma'",
        "command: |\n  sh -c 'sleep 1;\n\n    ollama pull gemma'",
        "command: \"sh -c 'sleep 1; \\\n  ollama pull gemma'\"",
        'command: "sh -c \\"\\u0041=1; ollama pull gemma\\""',
        "command: 'sh -c ''sleep 1; ollama\n  pull gemma'''",
        "command: sh -c 'sleep 1;\n  ollama pull gemma'",
        'command: [sh, -c, &x !!str "ollama pull\\tgemma"]',
        "command:\n  - sh\n  - -c\n  - >-\n      ollama\n      pull gemma",
    ],
)
def test_a_word_is_found_in_every_style_of_scalar(command: str) -> None:
    """Escaped, folded, or over several lines."""
    lines = ["", "services:", "  app:", *(f"    {line}" for line in command.splitlines())]
    (site,) = (site for site in read(command).sites if site.kind == "ollama-argument")
    assert lines[site.place.line][site.place.column - 1 :].startswith("gemma")
    assert (site.value, site.scope) == ("gemma", "app")


def test_a_dollar_sign_for_the_shell_is_read_from_the_container() -> None:
    """`$$X` is no variable of Compose, but one of the service."""
    assert read("command: sh -c 'echo $$X ${Y}'").reads == {"X", "Y"}


def test_a_word_before_an_equal_one_keeps_its_own_place() -> None:
    """The second of two equal words is not the first."""
    assert told("command: >\n  app a:b\n  a:b") == ["4:11 literal -=a:b", "5:7 literal -=a:b"]


def test_a_command_that_is_no_shell_is_no_problem() -> None:
    """Compose splits a string itself; only what a shell is given has to be its syntax."""
    assert read("command: app --pattern (a").problems == ()
    assert read("command: [sh, -c, 'for do']").problems != ()
