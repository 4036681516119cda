"""The program around the interface: its environment, its logs, its layers and the names it accepts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from news_creator.config.kinds import canonical_model_name, check_model_name

if TYPE_CHECKING:
    from standin_ollama import StandInOllama

APP = Path(__file__).resolve().parents[1]


def test_a_bad_environment_ends_the_program_with_one_message_and_no_traceback() -> None:
    """Whoever reads the container's log sees the setting at once."""
    environment = os.environ | {"PYTHONPATH": str(APP), "LLM_NUM_CTX": "16k"}
    command = [sys.executable, "-m", "uvicorn", "news_creator.main:app", "--port", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "LLM_NUM_CTX: is '16k', should be a valid integer" in done.stderr
    assert "Traceback" not in done.stderr


def test_logs_are_json_lines_without_any_of_the_article(ollama: StandInOllama) -> None:
    """Articles may be unpublished; the log says how long they were."""
    script = (
        "import httpx, asyncio\n"
        "from news_creator.main import app\n"
        "async def ask():\n"
        "    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url='http://app') as client:\n"
        "        for content in ('極秘の記事。', '極秘の記事。' * 2500):\n"
        "            body = {'article_id': 'a-1', 'content': content}\n"
        "            assert (await client.post('/api/v1/summarize', json=body)).status_code == 200\n"
        "asyncio.run(ask())\n"
    )
    ollama.tokens_per_char = 2.0
    environment = os.environ | {"PYTHONPATH": str(APP), "LLM_SERVICE_URL": ollama.url, "LOG_LEVEL": "DEBUG"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"summarised", "round_done", "prompt_refused"} <= {line["event"] for line in lines}
    assert "極秘" not in done.stdout + done.stderr


def test_imports_go_one_way() -> None:
    """Domain <- config <- gateway <- service <- api <- main: a layer knows only those before it."""
    layers = ("domain", "config", "gateway", "service", "api")
    for number, layer in enumerate(layers):
        text = "".join(path.read_text(encoding="utf-8") for path in (APP / "news_creator" / layer).glob("*.py"))
        assert not [later for later in layers[number + 1 :] if f"news_creator.{later}" in text], layer


def test_model_names_are_judged_as_ollama_judges_them() -> None:
    """Ollama's own parser said which names are valid and what they are in full."""
    truth = APP.parents[2] / "shared" / "truth" / "names.json"
    if not truth.exists():
        pytest.skip("shared/truth/names.json is not beside this checkout")
    wrong = []
    for case in json.loads(truth.read_text(encoding="utf-8"))["cases"]:
        try:
            full = canonical_model_name(check_model_name(case["s"]))
        except ValueError:
            full = ""
        if full != (case["str"].lower() if case["valid"] else ""):
            wrong.append((case["s"], full, case["valid"]))
    assert not wrong
