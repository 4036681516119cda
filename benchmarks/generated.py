"""A repository of any size, as a monorepo around an LLM stack looks: the same seed gives the same files."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

WORDS = """
article summary window request answer token batch client gateway worker store index queue retry page cursor session
metric trace report feed digest topic cluster ranking cache shard replica signal
""".split()  # noqa: SIM905 - thirty words read better as words
SHARES: dict[str, float] = {
    "python": 1000 / 7000,
    "typescript": 1900 / 7000,
    "go": 1100 / 7000,
    "markdown": 700 / 7000,
    "json": 600 / 7000,
    "yaml": 450 / 7000,
    "shell": 150 / 7000,
    "sql": 300 / 7000,
    "css": 350 / 7000,
    "rust": 150 / 7000,
    "dockerfile": 60 / 7000,
    "dotenv": 15 / 7000,
    "compose": 25 / 7000,
    "test": 200 / 7000,
}
"""How many files of each kind there are for one file of the repository."""


def generate(root: Path, files: int, seed: int = 7) -> int:
    """Write a repository of about so many files, with its contract, under git; return how many lines it has."""
    chance = random.Random(seed)  # noqa: S311 - the same files every time
    lines = 0
    for kind, share in SHARES.items():
        for number in range(max(1, round(files * share))):
            path, text = KINDS[kind](chance, number)
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            lines += text.count("\n")
    (root / "newscreator.yaml").write_text(_contract(max(1, round(files * SHARES["compose"]))), encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    return lines


def _contract(compose_files: int) -> str:
    """Return a contract that loads every Compose file, in five ways of starting."""
    files = [f"deploy/compose.{number}.yaml" for number in range(compose_files)]
    ways = {
        f"way{number}": ["deploy/compose.0.yaml", *files[1 + number :: 5]] for number in range(min(5, compose_files))
    }
    invocations = "\n".join(f"    {name}: {{files: [{', '.join(paths)}]}}" for name, paths in ways.items())
    return f"""version: 1
model: {{service: backend, base: gemma3:4b-it-qat, retired: [gemma3:4b]}}
services:
  backend: {{kind: ollama, compose: ollama, settings: {{OLLAMA_NUM_PARALLEL: 1}}}}
  app: {{kind: http, compose: app, port: 8000, settings: {{LLM_MODEL: gemma3:4b-it-qat, LLM_NUM_CTX: 16384}}}}
compose:
  invocations:
{invocations}
"""


def _prose(chance: random.Random, words: int) -> str:
    """Return some words."""
    return " ".join(chance.choice(WORDS) for _ in range(words))


def _folder(chance: random.Random, kind: str) -> str:
    """Return a folder of one of thirty services."""
    return f"services/{chance.choice(WORDS)}/{kind}/{chance.choice(WORDS)}"


def _python(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a module; one in six reads its environment, one in thirty speaks of the model."""
    parts = ['"""' + _prose(chance, 8) + '"""', "", "from __future__ import annotations", "", "import os", ""]
    if number % 6 == 0:
        parts += [
            f'{name.upper()}_URL = os.getenv("{name.upper()}_URL", "http://{name}:80{number % 90 + 10}")'
            for name in WORDS[:4]
        ]
    if number % 30 == 0:
        parts.append('MODEL = os.environ.get("LLM_MODEL", "gemma3:4b-it-qat")')
    for index in range(chance.randint(4, 16)):
        name = f"{chance.choice(WORDS)}_{index}"
        parts += [
            "",
            f"def {name}(value: int, *, limit: int = {chance.randint(1, 900)}) -> dict[str, object]:",
            f'    """{_prose(chance, 6)}."""',
            f"    # {_prose(chance, 7)}",
            f'    found = {{"{chance.choice(WORDS)}": value, "{chance.choice(WORDS)}": limit}}',
            "    if value > limit:",
            f'        raise ValueError("{_prose(chance, 4)}")',
            f'    return {{**found, "kind": "{chance.choice(WORDS)}-{index}"}}',
        ]
    return f"{_folder(chance, 'src')}/module_{number}.py", "\n".join(parts) + "\n"


def _typescript(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a module; one in twenty reads its environment."""
    parts = [f'import {{ {WORDS[number % 28]} }} from "./{WORDS[number % 27]}";', f"// {_prose(chance, 9)}"]
    if number % 20 == 0:
        parts.append(f'export const url = process.env.{WORDS[number % 28].upper()}_URL ?? "http://localhost:3000";')
    for index in range(chance.randint(5, 18)):
        parts += [
            f"export function {chance.choice(WORDS)}{index}(value: string): string {{",
            f"  /* {_prose(chance, 6)} */",
            f'  const label = "{chance.choice(WORDS)}" + value;',
            f"  return `${{label}} {_prose(chance, 3)}`;",
            "}",
        ]
    return f"{_folder(chance, 'web')}/part_{number}.{'tsx' if number % 3 else 'ts'}", "\n".join(parts) + "\n"


def _go(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a file of a package; one in twenty reads its environment."""
    parts = ["package main", "", 'import "os"', f"// {_prose(chance, 9)}"]
    if number % 20 == 0:
        parts.append(f'var address = getEnv("{WORDS[number % 28].upper()}_ADDR", "localhost:9000")')
    for index in range(chance.randint(5, 16)):
        parts += [
            f"func {chance.choice(WORDS)}{index}(value string) (string, error) {{",
            f'\tif value == "{chance.choice(WORDS)}" {{',
            f'\t\treturn "", fmt.Errorf("{_prose(chance, 4)}: %s", value)',
            "\t}",
            f'\treturn value + "{chance.choice(WORDS)}", nil',
            "}",
        ]
    return f"{_folder(chance, 'cmd')}/file_{number}.go", "\n".join(parts) + "\n"


def _lines(
    kind: str, suffix: str, line: Callable[[random.Random], str], least: int, most: int
) -> Callable[..., tuple[str, str]]:
    """Return the generator of a kind whose files are so many lines of one form."""

    def make(chance: random.Random, number: int) -> tuple[str, str]:
        text = "\n".join(line(chance) for _ in range(chance.randint(least, most)))
        return f"{_folder(chance, kind)}/{kind}_{number}{suffix}", text + "\n"

    return make


def _json(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a list of records."""
    rows = [
        f'  {{"{chance.choice(WORDS)}": "{_prose(chance, 2)}", "size": {chance.randint(1, 9000)}}}'
        for _ in range(chance.randint(20, 120))
    ]
    return f"{_folder(chance, 'data')}/data_{number}.json", "[\n" + ",\n".join(rows) + "\n]\n"


def _yaml(chance: random.Random, number: int) -> tuple[str, str]:
    """Return settings of something."""
    rows = [
        f"{chance.choice(WORDS)}_{index}:\n  name: {chance.choice(WORDS)}\n  size: {index}"
        for index in range(chance.randint(10, 40))
    ]
    return f"{_folder(chance, 'conf')}/conf_{number}.yaml", "\n".join(rows) + "\n"


def _shell(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a script with defaults."""
    rows = [
        f'export {name.upper()}_{index}="${{{name.upper()}_{index}:-{chance.choice(WORDS)}}}"'
        for index, name in enumerate(WORDS[: chance.randint(8, 30)])
    ]
    return f"{_folder(chance, 'bin')}/run_{number}.sh", "#!/bin/sh\nset -eu\n" + "\n".join(rows) + "\n"


def _dockerfile(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a Dockerfile without a context of its own files."""
    rows = [f"ENV {name.upper()}={chance.choice(WORDS)}" for name in WORDS[: chance.randint(4, 12)]]
    return f"{_folder(chance, 'image')}/{number}/Dockerfile", "FROM debian:bookworm-slim\n" + "\n".join(rows) + "\n"


def _dotenv(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a template."""
    rows = [f"{name.upper()}_URL=http://{name}:{chance.randint(1000, 9000)}" for name in WORDS]
    return f"{_folder(chance, 'env')}/{number}/.env.example", "\n".join([*rows, "LLM_MODEL=gemma3:4b-it-qat"]) + "\n"


def _compose(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a Compose file; the first has the stack, the others twelve services each."""
    services = [
        f"""  {chance.choice(WORDS)}-{number}-{index}:
    image: registry/{chance.choice(WORDS)}:1.{index}
    environment:
      LEVEL: ${{LEVEL:-info}}
      URL: ${{URL_{index}:-http://{chance.choice(WORDS)}:8080}}
      NAME: {chance.choice(WORDS)}
    ports: ["127.0.0.1:{9000 + number * 20 + index}:8080"]
"""
        for index in range(12)
    ]
    stack = """  ollama:
    image: ollama/ollama:0.24.0
    environment: {OLLAMA_NUM_PARALLEL: "${OLLAMA_NUM_PARALLEL:-1}"}
  app:
    image: app:1.0
    environment: {LLM_MODEL: "${LLM_MODEL:-gemma3:4b-it-qat}", LLM_NUM_CTX: "${LLM_NUM_CTX:-16384}"}
"""
    return f"deploy/compose.{number}.yaml", "services:\n" + (stack if number == 0 else "") + "".join(services)


def _test(chance: random.Random, number: int) -> tuple[str, str]:
    """Return a test, which no reader reads."""
    return (
        f"{_folder(chance, 'tests')}/test_{number}.py",
        f'def test_it():\n    assert "{_prose(chance, 4)}" != "gemma3:4b"\n' * 20,
    )


KINDS: dict[str, Callable[[random.Random, int], tuple[str, str]]] = {
    "python": _python,
    "typescript": _typescript,
    "go": _go,
    "markdown": _lines("notes", ".md", lambda chance: _prose(chance, 12), 20, 120),
    "json": _json,
    "yaml": _yaml,
    "shell": _shell,
    "sql": _lines(
        "sql",
        ".sql",
        lambda chance: f"INSERT {chance.choice(WORDS)} -- {_prose(chance, 3)}",
        10,
        80,
    ),
    "css": _lines(
        "style", ".css", lambda chance: f".{chance.choice(WORDS)} {{ margin: {chance.randint(0, 40)}px; }}", 20, 150
    ),
    "rust": _lines(
        "lib",
        ".rs",
        lambda chance: (
            f'pub fn {chance.choice(WORDS)}() -> &\'static str {{ "{chance.choice(WORDS)}" }} // {_prose(chance, 3)}'
        ),
        20,
        120,
    ),
    "dockerfile": _dockerfile,
    "dotenv": _dotenv,
    "compose": _compose,
    "test": _test,
}
