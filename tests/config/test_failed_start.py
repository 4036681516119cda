"""What is told of a start that failed: the cause in its first line, each service's last words, nothing secret."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.stack import process
from pytest_newscreator.stack.card import Symptom, card
from pytest_newscreator.stack.causes import recognised
from pytest_newscreator.stack.holders import holder
from pytest_newscreator.stack.model import Endpoint
from pytest_newscreator.verdicts import Broken, Finding, NotVerified, fingerprint, masked, secrets

LINES = [
    (
        "Error response from daemon: pull access denied for acme/summariser, repository does not exist",
        "the image acme/summariser is neither here nor to be pulled",
    ),
    ("Error: No such image: acme/summariser:1.2", "the image acme/summariser:1.2 is neither here"),
    (
        'failed to compute cache key: failed to calculate checksum of ref x: "/Modelfile.a": not found',
        "the build does not find /Modelfile.a",
    ),
    ("invalid mount config for type bind: bind source path does not exist: /srv/x.conf", "/srv/x.conf is mounted"),
    ('OCI runtime create failed: exec: "serve": executable file not found in $PATH: unknown', "no program serve"),
    ('failed to solve: failed to compute cache key: "/nothere.txt" not found: not found', "not find /nothere.txt"),
    ("[FATAL tini (7)] exec /nothere.sh failed: No such file or directory", "the image has no program /nothere.sh"),
    ("exec /start.sh: no such file or directory", "the image has no program /start.sh"),
    ("write /var/lib/ollama/models/blobs/sha256-1: no space left on device", "the disk is full"),
    ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "the Docker daemon went away"),
]


@pytest.mark.parametrize(("line", "what"), LINES, ids=[what[:30] for _, what in LINES])
def test_what_a_line_means_is_known(line: str, what: str) -> None:
    """Docker's and the kernel's own words are turned into what happened and what to do."""
    cause = recognised(["something before", line, "exited"])
    assert cause is not None
    assert what in cause.what
    assert cause.fix


@pytest.mark.parametrize("line", ["listening on 127.0.0.1:8001", "model loaded", "port 8080 is not published", ""])
def test_an_ordinary_line_means_nothing(line: str) -> None:
    """Nothing is guessed."""
    assert recognised([line]) is None


@pytest.mark.parametrize(
    "line",
    [
        "listen tcp4 127.0.0.1:%d: bind: address already in use",
        "Bind for 127.0.0.1:%d failed: port is already allocated",
        "[Errno 98] error while attempting to bind on address ('127.0.0.1', %d): address already in use",
    ],
)
def test_the_holder_of_a_taken_port_is_named(line: str) -> None:
    """The process that listens there is told with its number and its command."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        cause = recognised([line % listener.getsockname()[1]])
    assert cause is not None
    assert f"is taken by process {os.getpid()} (" in cause.what


def test_a_port_that_nobody_holds_has_no_holder() -> None:
    """A port of the past is not blamed on anyone."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert holder(port) is None


def test_a_listener_in_a_child_is_found_over_ipv6_too() -> None:
    """Both tables of the kernel are read."""
    code = "import socket; s = socket.socket(socket.AF_INET6); s.bind(('::1', 0)); s.listen(); "
    code += "print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        found = holder(int(child.stdout.readline()))
        child.communicate(b"\n")
    assert found is not None
    assert found.startswith(f"process {child.pid} (")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("HF_TOKEN=hf_abcdefghijkl", "HF_TOKEN=***"),
        ('{"api_key": "abc def"}', '{"api_key": "***"}'),
        ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer ***"),
        ("postgres://news:hunter2@db/news", "postgres://news:***@db/news"),
        ("using ghp_0123456789abcdef", "using ghp_***"),
        ("prompt_tokens: 512 of 16384", "prompt_tokens: 512 of 16384"),
        ("max_tokens=4096", "max_tokens=4096"),
        ("token in use is s3cr3t", "token in use is s3cr3t"),
        ("SMTP_PASS=abc123x DB_PWD=geheim1 PWD=/app", "SMTP_PASS=*** DB_PWD=*** PWD=/app"),
        ("BASIC_AUTH=me:pw1234, SENTRY_DSN=https://k1@x/1", "BASIC_AUTH=***, SENTRY_DSN=***"),
        ("AWS_ACCESS_KEY_ID=AKIAABCDEFGH1234", "AWS_ACCESS_KEY_ID=***"),
        ("author: Bob, tests passed: all, TOKENIZER=google/x", "author: Bob, tests passed: all, TOKENIZER=google/x"),
        ("compose/secrets.yaml:12:5: HF_TOKEN=${HF_TOKEN:-}", "compose/secrets.yaml:12:5: HF_TOKEN=***"),
        ("HF_TOKEN=${HF_TOKEN} API_KEY=unset USE_AUTH=true", "HF_TOKEN=${HF_TOKEN} API_KEY=unset USE_AUTH=true"),
        ("prompt of 1500 tokens: it has num_ctx 1024", "prompt of 1500 tokens: it has num_ctx 1024"),
        ("tokens: s3cr3tvalue", "tokens: ***"),
        ("GET /v1?api_key=abcdef12 200", "GET /v1?api_key=*** 200"),
    ],
)
def test_secrets_are_masked_and_counts_of_tokens_are_not(line: str, shown: str) -> None:
    """A log is shown without what nobody may read."""
    assert masked(line) == shown


def test_the_value_of_a_secret_variable_is_masked_wherever_it_appears() -> None:
    """A program that prints its password without a name does not give it away."""
    symptom = Symptom(
        "app", "exited", log=["login failed: hunter2secret"], environment={"DB_PASSWORD": "hunter2secret"}
    )
    told = card("app did not come up: hunter2secret", [symptom], "mend it")
    assert "hunter2secret" not in told
    assert "login failed: ***" in told


def test_a_variable_is_secret_by_its_name_unless_it_holds_a_switch_or_a_count() -> None:
    """The shell's own folder and a number of tokens are nobody's secret."""
    given = {
        "DB_PASS": "abcd1",
        "X_PWD": "hush1",
        "PWD": "/app",
        "USE_AUTH": "true",
        "MAX_TOKENS": "4096",
        "DSN": "a:b",
    }
    assert secrets(given) == ["abcd1", "hush1"]


def test_a_finding_tells_two_secrets_apart_without_their_values() -> None:
    """What leaves a check is masked in every text of it, and two values stay two."""
    told = Broken(
        Finding("app runs with API_TOKEN=tok-1111, the files say API_TOKEN=tok-2222", expected="http://u:pa55@b:1",
                chain=("x.yaml:1:2: compose API_TOKEN=tok-2222 won",), fix="API_TOKEN=tok-2222 docker compose up")
    )  # fmt: skip
    whole = f"{told} {told.finding!r}"
    assert not any(secret in whole for secret in ("tok-1111", "tok-2222", "pa55"))
    assert f"API_TOKEN={fingerprint('tok-1111')}, the files say API_TOKEN={fingerprint('tok-2222')}" in str(told)
    assert fingerprint("tok-1111") != fingerprint("tok-2222")
    assert told.finding.masked == told.finding


def test_what_is_not_verified_is_told_without_secrets() -> None:
    """A reason may quote an address with a password."""
    missing = NotVerified("nothing answers at http://u:pa55word@b:1", needs="", fix="")
    assert "pa55word" not in f"{missing} {missing.reason}"


def test_the_report_stays_under_forty_lines() -> None:
    """However many services and however long their logs."""
    symptoms = [Symptom(f"s{n}", "exited", ["probe"] * 9, [f"line {m}" for m in range(90)]) for n in range(12)]
    told = card("twelve services did not come up", symptoms, "mend it").splitlines()
    assert len(told) < 40
    assert told[-1] == "  do: mend it"
    assert "and 7 more: s5, s6" in "\n".join(told)


def test_a_process_that_prints_its_secret_does_not_give_it_away(stack: Any, tmp_path: Path) -> None:
    """Its environment tells which words of its log are nobody's to read."""
    log = tmp_path / "app.log"
    log.write_text("token in use is s3cr3t-value\n")
    app = stack.repository().contract.services["app"]
    endpoint = Endpoint(app, "process", log=log, health_environment={"API_TOKEN": "s3cr3t-value"})
    told = str(process._failure(endpoint, "ended with exit code 1", "said s3cr3t-value"))
    assert "s3cr3t" not in told
    assert "token in use is ***" in told
