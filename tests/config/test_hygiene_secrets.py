"""No secret stands in a file that the repository or the image carries, and none in a finding."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.hygiene.secrets import SECRET_IN_ENV, is_secret, names_secret

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

AI = "compose/ai.yaml"
APP = "news-creator/Dockerfile"
SECRET = "zq8-Vt4mK2xw"
ITEM = "secret-in-env[app UPSTREAM_API_KEY]"
SECRETS = """
HF_TOKEN GITHUB_TOKEN TOKEN CLIENT_SECRET SECRET_KEY_BASE DB_PASSWORD DB_PASSWD OPENAI_API_KEY OPENAI_APIKEY SSH_KEY
KEY_PASSPHRASE hf_token ENCRYPTION_KEY AUTHTOKEN
"""
OTHERS = """
MAX_TOKENS LLM_CHARS_PER_TOKEN MAP_REDUCE_CHUNK_TOKENS TOKENIZER_PATH TOKEN_LIMIT TOKENIZERS_PARALLELISM HF_TOKEN_FILE
SECRET_NAME PASSWORD_FILE TOKEN_URL API_KEY_HEADER PUBLIC_KEY SSH_PUBLIC_KEY CACHE_KEY KEYBOARD MONKEY EOS_TOKEN
PASSWORD_MIN_LENGTH API_KEY_REQUIRED OLLAMA_KEEP_ALIVE
"""


def given(stack: Stack, value: str, name: str = "UPSTREAM_API_KEY") -> None:
    """Give the application a variable."""
    stack.edit(AI, "      LOG_LEVEL:", f"      {name}: {value}\n      LOG_LEVEL:")


def from_env_file(stack: Stack) -> None:
    """Give the application an env_file with a secret in it."""
    stack.edit(
        AI,
        "    environment:\n      LLM_SERVICE_URL",
        "    env_file: [app.env]\n    environment:\n      LLM_SERVICE_URL",
    )
    stack.write("compose/app.env", f"UPSTREAM_API_KEY={SECRET}\n")


def assert_hidden(finding: Finding) -> None:
    """Hold that no part of a finding shows the secret."""
    assert SECRET not in repr(finding)
    assert finding.observed == "***"


@pytest.mark.parametrize(
    ("value", "before"),
    [(SECRET, "API_KEY: "), (f'"{SECRET}"', 'API_KEY: "'), (f"${{UPSTREAM_API_KEY:-{SECRET}}}", "API_KEY:-")],
)
def test_a_literal_in_compose_is_found_and_hidden(stack: Stack, value: str, before: str) -> None:
    """As a value, quoted, as a default."""
    given(stack, value)
    ((item, finding),) = stack.found(SECRET_IN_ENV).items()
    assert item == ITEM
    assert finding.place == stack.behind(AI, before)
    said = "UPSTREAM_API_KEY of app stands here as ***, a secret should not stand in a file of the repository"
    assert finding.message == said
    assert finding.severity == "error"
    assert_hidden(finding)


def test_without_the_baseline_it_is_a_note(stack: Stack) -> None:
    """Hardening is what the contract asks for, or a hint."""
    stack.edit("newscreator.yaml", "security: baseline", "#")
    given(stack, SECRET)
    assert stack.found(SECRET_IN_ENV)[ITEM].severity == "note"


@pytest.mark.parametrize("line", ["ENV UPSTREAM_API_KEY={}", "ENV A=1 UPSTREAM_API_KEY={}", "ARG UPSTREAM_API_KEY={}"])
def test_a_literal_in_the_image_is_found_and_hidden(stack: Stack, line: str) -> None:
    """It stays in the layers for good."""
    stack.edit(APP, "USER creator\n", f"{line.format(SECRET)}\nUSER creator\n")
    ((item, finding),) = stack.found(SECRET_IN_ENV).items()
    assert item == ITEM
    assert finding.place == stack.behind(APP, "UPSTREAM_API_KEY=")
    assert_hidden(finding)


def test_an_argument_of_the_build_is_found(stack: Stack) -> None:
    """`docker history` shows it."""
    stack.edit(AI, "      secrets: [ca]\n", f"      secrets: [ca]\n      args: [UPSTREAM_API_KEY={SECRET}]\n")
    ((item, finding),) = stack.found(SECRET_IN_ENV).items()
    assert item == ITEM
    assert finding.place == stack.behind(AI, "[UPSTREAM_API_KEY=")


def test_two_places_are_two_findings(stack: Stack) -> None:
    """Both must go."""
    given(stack, SECRET)
    stack.edit(APP, "USER creator\n", f"ENV UPSTREAM_API_KEY={SECRET}x\nUSER creator\n")
    assert sorted(stack.found(SECRET_IN_ENV)) == ["secret-in-env[app UPSTREAM_API_KEY #2]", ITEM]


def test_an_env_file_that_git_has_is_found(stack: Stack) -> None:
    """Or would have with the next commit."""
    stack.git()
    from_env_file(stack)
    ((item, finding),) = stack.found(SECRET_IN_ENV).items()
    assert item == ITEM
    assert str(finding.place) == "compose/app.env:1:18"
    assert_hidden(finding)


def test_an_env_file_that_git_ignores_is_the_hosts_own(stack: Stack) -> None:
    """There a secret belongs; once it is added all the same, it is found."""
    stack.git()
    from_env_file(stack)
    stack.write(".gitignore", "app.env\n")
    assert stack.found(SECRET_IN_ENV) == {}
    subprocess.run(["git", "add", "--force", "compose/app.env"], cwd=stack.root, check=True)
    assert list(stack.found(SECRET_IN_ENV)) == [ITEM]


def test_without_git_an_env_file_is_not_verified(stack: Stack) -> None:
    """Whether it is the host's alone, nobody can tell."""
    from_env_file(stack)
    (left_open,) = [one for one in Findings((SECRET_IN_ENV,), stack.repository()).all() if one.unverified]
    assert left_open.item == ITEM
    assert left_open.unverified
    assert SECRET not in left_open.unverified.reason


def test_a_dotenv_file_that_git_has_is_found_through_its_variable(stack: Stack) -> None:
    """The chain leads there, with nothing to read in it."""
    stack.git()
    given(stack, "${UPSTREAM_API_KEY:-}")
    stack.write("compose/.env", f"UPSTREAM_API_KEY={SECRET}\n")
    stack.write(".gitignore", "")
    finding = stack.found(SECRET_IN_ENV)[ITEM]
    assert str(finding.place) == "compose/.env:1:18"
    assert any("dotenv UPSTREAM_API_KEY=*** won" in hop for hop in finding.chain)
    assert_hidden(finding)


@pytest.mark.parametrize(
    "value", ['""', "${UPSTREAM_API_KEY}", "${UPSTREAM_API_KEY:-}", "${OTHER:-}", "ollama", "true"]
)
def test_a_value_that_is_no_secret_is_left_alone(stack: Stack, value: str) -> None:
    """Empty, the host's, or a word that a client wants to be there."""
    given(stack, value)
    assert stack.found(SECRET_IN_ENV) == {}


def test_services_outside_the_contract_are_their_own_affair(stack: Stack) -> None:
    """They are somebody else's stack."""
    other = f"  db: {{image: 'postgres:16', environment: {{DB_PASSWORD: {SECRET}}}}}\n"
    stack.edit(AI, "\nvolumes:\n", f"{other}\nvolumes:\n")
    assert stack.found(SECRET_IN_ENV) == {}


@pytest.mark.parametrize("name", SECRETS.split())
def test_a_name_of_a_secret_is_known(name: str) -> None:
    """In any case of letters."""
    assert names_secret(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_a_name_of_something_else_is_left_alone(name: str) -> None:
    """Tokens that are counted, where a secret lies, what is public."""
    assert not names_secret(name)


@pytest.mark.parametrize("text", [SECRET, "hunter2", "password", "sk-1f9a0c7d5e", "correct horse battery", "/+Ab3=="])
def test_a_secret_is_known(text: str) -> None:
    """A weak one too."""
    assert is_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "12",
        "1.5",
        "24h",
        "true",
        "auto",
        "changeme",
        "change-me",
        "xxx",
        "xxxxxxxx",
        "***",
        "<your key>",
        "your-key-here",
        "example",
        "sk-no-key-required",
        "not-needed",
        "EMPTY",
        "ollama",
        "dummy",
        "none",
        "/run/secrets/token",
        "./token.txt",
        "http://auth:8080/token",
        "{{ token }}",
        "...",
    ],
)
def test_what_stands_for_a_secret_is_none(text: str) -> None:
    """Numbers, switches, paths, addresses, and words that wait to be replaced."""
    assert not is_secret(text)
