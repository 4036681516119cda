"""What is harmless in the reference stack is no finding: no failure, no note, no item that steps back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
START = "news-creator/entrypoint-backend.sh"
CONFIG = "news-creator/app/news_creator/config/config.py"
APP = "news-creator/app/news_creator/added.py"
MODELFILE = "news-creator/Modelfile.gemma3-4b-16k"
DOCKERFILE = "news-creator/Dockerfile.backend"
EXAMPLE = ".env.example"
CONTRACT = "newscreator.yaml"
OTHER = "services:\n  other:\n    image: ollama/ollama:0.24.0\n"

Edit = tuple[str, str | None, str]
"""A file, what stands there (None: a new file), what shall stand there."""

HARMLESS: dict[str, list[Edit]] = {
    "comment in every kind of file": [
        (AI, "services:\n", "# gemma3:4b\nservices:\n"),
        (CPU, "services:\n", "services: # gemma3:4b\n"),
        (START, "set -euo pipefail\n", "set -euo pipefail # gemma3:4b\n# ollama pull gemma3:4b\n"),
        (CONFIG, "class Settings(", '# LLM_MODEL = "gemma3:4b"\nclass Settings('),
        (MODELFILE, "PARAMETER top_k 40\n", "PARAMETER top_k 40\n# FROM gemma3:4b\n"),
        (DOCKERFILE, "ENV HOME=", "# ENV OLLAMA_BASE_MODEL=gemma3:4b\nENV HOME="),
        (
            EXAMPLE,
            "\nLLM_MODEL=gemma3:4b-it-qat",
            "\n# LLM_MODEL=gemma3:4b\nLLM_MODEL=gemma3:4b-it-qat # not gemma3:4b",
        ),
        (CONTRACT, "version: 1\n", "version: 1 # gemma3:4b\n"),
    ],
    "docstring": [(CONFIG, '"""Where Ollama answers."""', '"""gemma3:4b"""')],
    "documentation": [
        ("README.md", None, "OLLAMA_BASE_MODEL=gemma3:4b\n"),
        ("docs/conf.py", None, 'MODEL = "gemma3:4b"\n'),
        ("NOTES.txt", None, "LLM_MODEL=gemma3:4b\n"),
        ("CHANGELOG", None, "ollama pull gemma3:4b\n"),
    ],
    "tests": [("news-creator/app/tests/test_old.py", None, 'LLM_MODEL = "gemma3:4b"\n')],
    "order of keys": [
        (AI, "      LLM_TOP_K: ${LLM_TOP_K:-40}\n", ""),
        (AI, "      LLM_SERVICE_URL:", "      LLM_TOP_K: ${LLM_TOP_K:-40}\n      LLM_SERVICE_URL:"),
        (EXAMPLE, "LLM_NUM_CTX_60K=61440\nLLM_NUM_BATCH=1024\n", "LLM_NUM_BATCH=1024\nLLM_NUM_CTX_60K=61440\n"),
    ],
    "quoting": [
        (AI, "LLM_MODEL: ${LLM_MODEL:-gemma3:4b-it-qat}", "'LLM_MODEL': '${LLM_MODEL:-gemma3:4b-it-qat}'"),
        (AI, "LLM_NUM_CTX: ${LLM_NUM_CTX:-16384}", 'LLM_NUM_CTX: "16384"'),
        (EXAMPLE, "\nLLM_MODEL=gemma3:4b-it-qat", "\nexport LLM_MODEL='gemma3:4b-it-qat'"),
        (START, '"${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"', "${OLLAMA_BASE_MODEL:-'gemma3:4b-it-qat'}"),
        (CONFIG, 'LLM_MODEL: ModelName = "gemma3:4b-it-qat"', "LLM_MODEL: ModelName = 'gemma3:4b-it-qat'"),
        (MODELFILE, "PARAMETER num_ctx 16384", 'parameter num_ctx "16384"'),
    ],
    "empty line of a template whose every reader has a default for that": [
        (EXAMPLE, "\nLLM_MODEL=gemma3:4b-it-qat\n", "\nLLM_MODEL=\n"),
        (EXAMPLE, "OLLAMA_NUM_PARALLEL=1\n", "OLLAMA_NUM_PARALLEL=\n"),
    ],
    "full name of the model": [
        (MODELFILE, "FROM gemma3:4b-it-qat", "FROM registry.ollama.ai/library/gemma3:4b-it-qat")
    ],
    "another spelling of a number": [
        (MODELFILE, "temperature 0.15", "temperature 0.150"),
        (CONFIG, "LLM_NUM_CTX: ContextTokens = 16384", "LLM_NUM_CTX: ContextTokens = 16 * 1_024"),
    ],
    "Compose file that nothing includes": [
        (
            "compose/dev.yaml",
            None,
            "services:\n  news-creator-backend:\n    environment: {OLLAMA_BASE_MODEL: gemma3:4b}\n",
        )
    ],
    "longer word": [(APP, None, 'A = "xgemma3:4b"\nB = "gemma3:4bx"\nC = "team/gemma3:4b"\nD = "gemma3:4b-it-qatx"\n')],
    "service of its own beside the stack": [
        (
            CPU,
            "services:\n",
            OTHER + "    environment:\n      OLLAMA_NUM_PARALLEL: 4\n      LLM_NUM_CTX: ${OTHER_CTX:-2048}\n",
        )
    ],
    "list form of a service beside the stack": [
        (CPU, "services:\n", OTHER + "    environment: [OLLAMA_NUM_PARALLEL=4]\n")
    ],
    "env_file of a service beside the stack": [
        (CPU, "services:\n", OTHER + "    env_file: other.env\n"),
        ("compose/other.env", None, "OLLAMA_NUM_PARALLEL=4\n"),
    ],
    "YAML anchor": [
        (AI, "services:\n", "x-base: &base gemma3:4b-it-qat\nservices:\n"),
        (AI, "MODEL_BASE_NAME: ${MODEL_BASE_NAME:-gemma3:4b-it-qat}", "MODEL_BASE_NAME: *base"),
        (AI, "LLM_MODEL: ${LLM_MODEL:-gemma3:4b-it-qat}", "LLM_MODEL: *base"),
    ],
    "YAML merge key": [
        (AI, "services:\n", "x-base: &base\n  MODEL_BASE_NAME: gemma3:4b-it-qat\nservices:\n"),
        (AI, "      MODEL_BASE_NAME: ${MODEL_BASE_NAME:-gemma3:4b-it-qat}\n", "      <<: *base\n"),
    ],
    "another variable with a right default": [
        (AI, "LLM_NUM_CTX: ${LLM_NUM_CTX:-16384}", "LLM_NUM_CTX: ${SUMMARY_CTX:-16384}")
    ],
}


@pytest.mark.parametrize("edits", HARMLESS.values(), ids=HARMLESS)
def test_what_is_harmless_is_no_finding(stack: Stack, edits: list[Edit]) -> None:
    """Nothing fails, nothing is noted, and no item steps back."""
    for path, old, new in edits:
        if old is None:
            stack.write(path, new)
        else:
            stack.edit(path, old, new)
    rest = [(judgement.item, judgement.headline) for judgement in stack.judge() if judgement.status != "passed"]
    assert rest == [("resolved[host]", "")]


def test_line_ends_of_windows_change_nothing(stack: Stack) -> None:
    """Checked out with CRLF, every file says the same."""
    for path in (MODELFILE, EXAMPLE, CONFIG, AI):
        stack.write(path, stack.text(path).replace("\n", "\r\n"))
    assert not stack.broken()
