"""Edits of the reference stack that need to know it: a place taken away, a value moved, a layer that contradicts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mutants.edits import Edit

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
BACKEND = "news-creator/Dockerfile.backend"
APP = "news-creator/Dockerfile"
START = "news-creator/entrypoint-backend.sh"
CONFIG = "news-creator/app/news_creator/config/config.py"
IGNORE = "news-creator/.dockerignore"
TEMPLATE = ".env.example"
MODELFILES = ("news-creator/Modelfile.gemma3-4b-16k", "news-creator/Modelfile.gemma3-4b-60k")
RESET = "services:\n  news-creator-backend:\n    deploy:\n"


class Changed:
    """A file of the reference stack with one text of it replaced."""

    def __init__(self, root: Path) -> None:
        """Take the stack's folder."""
        self.root = root

    def text(self, path: str) -> str:
        """Return what a file says."""
        return (self.root / path).read_text(encoding="utf-8")

    def with_(self, path: str, old: str, new: str) -> tuple[str, str]:
        """Return the file with a text replaced that stands there once."""
        text = self.text(path)
        if text.count(old) != 1:
            raise ValueError(f"{path} has {text.count(old)} times {old!r}, the edit needs one")
        return path, text.replace(old, new)

    def line(self, path: str, text: str, ahead: str) -> str:
        """Return `path:line` of the line that begins with `ahead` in a changed text."""
        return f"{path}:{text[: text.index(ahead)].count(chr(10)) + 1}"


def edits(root: Path) -> list[Edit]:
    """Return them all."""
    changed = Changed(root)
    return [
        *_taken_away(changed),
        *_emptied(changed),
        *_moved(changed),
        *_contradicted(changed),
        *_broken_chain(changed),
        *_unsafe(changed),
        *_knobs(changed),
    ]


def _replaced(  # noqa: PLR0913, PLR0917 - an edit on one line reads like a table
    changed: Changed, name: str, path: str, old: str, new: str, blamed: str = ""
) -> Edit:
    """Return an edit of one file, to be blamed at the line of `blamed` (the first of `new`, without it)."""
    _, text = changed.with_(path, old, new)
    return Edit(name, ((path, text),), changed.line(path, text, blamed or new.lstrip("\n").partition("\n")[0]))


def _taken_away(changed: Changed) -> Iterator[Edit]:
    """Yield statements that are no longer there."""
    for path in MODELFILES:
        for line in changed.text(path).splitlines():
            if line.startswith(("FROM", "PARAMETER")):
                yield Edit(f"taken away {path} {line}", (changed.with_(path, line + "\n", ""),), f"{path}:*")
    for name in ("OLLAMA_BASE_MODEL", "OLLAMA_NUM_PARALLEL"):
        line = next(one for one in changed.text(AI).splitlines() if one.startswith(f"      {name}:"))
        yield Edit(f"taken away {AI} {name}", (changed.with_(AI, line + "\n", ""),), f"{AI}:*")
    for name in ("LLM_MODEL", "LLM_NUM_CTX", "LLM_NUM_BATCH", "LLM_TOP_K", "MODEL_16K_NAME", "LLM_TEMPERATURE"):
        line = next(one for one in changed.text(AI).splitlines() if one.startswith(f"      {name}:"))
        yield Edit(f"left to its own right default {AI} {name}", (changed.with_(AI, line + "\n", ""),))
    for line in changed.text(TEMPLATE).splitlines():
        if re.match(r"(LLM|MODEL|OLLAMA)\w*=", line):
            yield Edit(f"left out of the template {line}", (changed.with_(TEMPLATE, f"\n{line}\n", "\n"),))


def _emptied(changed: Changed) -> Iterator[Edit]:
    """Yield values that are set and empty."""
    for name in ("LLM_MODEL", "MODEL_16K_NAME", "LLM_NUM_CTX", "OLLAMA_NUM_PARALLEL", "LLM_TOP_P"):
        default = re.search(rf"{name}:-([^}}]*)}}", changed.text(AI))
        old = f"{name}: ${{{name}:-{default[1] if default else ''}}}"
        yield _replaced(changed, f"empty default {name}", AI, old, f"{name}: ${{{name}:-}}")
        yield _replaced(changed, f"empty literal {name}", AI, old, f'{name}: ""')
        yield _replaced(changed, f"no default {name}", AI, old, f"{name}: ${{{name}}}")
        # An empty line of a template is no value where every reader of it has a default for that.
        line = re.search(rf"^{name}=(.*)$", changed.text(TEMPLATE), re.MULTILINE)
        filled = f"\n{line[0] if line else ''}\n"
        yield Edit(f"empty in the template {name}", (changed.with_(TEMPLATE, filled, f"\n{name}=\n"),))
    dash = changed.with_(AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "${LLM_MODEL-gemma3:4b-it-qat}")
    empty = changed.with_(TEMPLATE, "\nLLM_MODEL=gemma3:4b-it-qat\n", "\nLLM_MODEL=\n")
    at = changed.line(TEMPLATE, empty[1], "LLM_MODEL=\n")
    yield Edit("empty in the template, where a dash alone keeps it", (dash, empty), at)


def _moved(changed: Changed) -> Iterator[Edit]:
    """Yield values that stand in another layer than before, right and wrong."""
    without = changed.with_(AI, "      LLM_NUM_CTX: ${LLM_NUM_CTX:-16384}\n", "")
    service = "  news-creator:\n    build:\n"
    given = (AI, without[1].replace(service, "  news-creator:\n    env_file: app.env\n    build:\n"))
    yield Edit("moved to an env_file", (given, ("compose/app.env", "LLM_NUM_CTX=16384\n")))
    yield Edit(
        "moved to an env_file, wrong", (given, ("compose/app.env", "A=1\nLLM_NUM_CTX=8192\n")), "compose/app.env:2"
    )
    image = changed.with_(APP, "PYTHONUNBUFFERED=1", "PYTHONUNBUFFERED=1 \\\n    LLM_NUM_CTX=16384")
    yield Edit("moved to the image", (without, image))
    image = changed.with_(APP, "PYTHONUNBUFFERED=1", "PYTHONUNBUFFERED=1 \\\n    LLM_NUM_CTX=8192")
    yield Edit("moved to the image, wrong", (without, image), changed.line(APP, image[1], "    LLM_NUM_CTX"))
    anchored = changed.with_(
        AI,
        "services:\n  news-creator-backend:\n",
        "x-base: &base gemma3:4b-it-qat\nservices:\n  news-creator-backend:\n",
    )
    yield Edit(
        "moved to an anchor",
        ((AI, anchored[1].replace("MODEL_BASE_NAME: ${MODEL_BASE_NAME:-gemma3:4b-it-qat}", "MODEL_BASE_NAME: *base")),),
    )
    yield Edit(
        "moved to an anchor, wrong",
        (
            (
                AI,
                anchored[1]
                .replace("&base gemma3:4b-it-qat", "&base gemma3:4b")
                .replace("MODEL_BASE_NAME: ${MODEL_BASE_NAME:-gemma3:4b-it-qat}", "MODEL_BASE_NAME: *base"),
            ),
        ),
        changed.line(AI, anchored[1], "x-base"),
    )
    renamed = changed.with_(AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "${SUMMARY_MODEL:-gemma3:4b-it-qat}")
    yield Edit("handed on from another variable", (renamed,))
    renamed = changed.with_(AI, "${LLM_MODEL:-gemma3:4b-it-qat}", "${SUMMARY_MODEL:-gemma3:4b}")
    yield Edit("handed on from another variable, wrong", (renamed,), changed.line(AI, renamed[1], "      LLM_MODEL"))
    constant = changed.with_(CONFIG, "LLM_NUM_CTX: ContextTokens = 16384", "LLM_NUM_CTX: ContextTokens = WINDOW")
    for value, wrong in (("16384", False), ("8192", True)):
        text = constant[1].replace("class Settings(", f"WINDOW = {value}\n\n\nclass Settings(", 1)
        at = changed.line(CONFIG, text, "WINDOW =") if wrong else None
        yield Edit(f"moved to a constant of the program {value}", ((CONFIG, text),), at)


def _contradicted(changed: Changed) -> Iterator[Edit]:
    """Yield further layers that say something else."""
    cpu = changed.text(CPU)
    for name, value in (("LLM_NUM_CTX", "8192"), ("LLM_MODEL", "gemma3:4b"), ("LLM_MODEL", "")):
        text = f"{cpu}  news-creator:\n    environment:\n      {name}: {value or chr(34) * 2}\n"
        yield Edit(f"override {name}={value}", ((CPU, text),), changed.line(CPU, text, f"      {name}"))
        text = f"{cpu}  news-creator:\n    environment: ['{name}={value}']\n"
        yield Edit(f"override as a list {name}={value}", ((CPU, text),), changed.line(CPU, text, "    environment"))
    text = f"{cpu}  news-creator:\n    environment:\n      LLM_NUM_CTX: 16384\n"
    yield Edit("override that agrees", ((CPU, text),))
    yield Edit("dotenv of the project", (("compose/.env", "\nOLLAMA_BASE_MODEL=gemma3:4b\n"),), "compose/.env:2")
    yield Edit("dotenv of the project that agrees", (("compose/.env", "OLLAMA_BASE_MODEL=gemma3:4b-it-qat\n"),))
    yield Edit("dotenv of the host", ((".env", "LLM_NUM_CTX=8192\n"),), ".env:1")
    yield Edit("dotenv of the host that agrees", ((".env", "LLM_NUM_CTX=16384\nUNRELATED=gemma\n"),))
    yield _replaced(changed, "image", BACKEND, "ENV HOME=", "ENV OLLAMA_BASE_MODEL=gemma3:4b\nENV HOME=")
    yield _replaced(changed, "build argument", BACKEND, "ENV HOME=", "ARG OLLAMA_BASE_MODEL=gemma3:4b\nENV HOME=")
    null = "      OLLAMA_NUM_PARALLEL:\n"
    yield _replaced(changed, "null", AI, "      OLLAMA_NUM_PARALLEL: ${OLLAMA_NUM_PARALLEL:-1}\n", null, null)
    yield _replaced(
        changed,
        "entrypoint",
        START,
        "set -euo pipefail\n",
        "set -euo pipefail\nexport OLLAMA_NUM_PARALLEL=4\n",
        "export OLLAMA_NUM",
    )
    yield _replaced(
        changed,
        "entrypoint, the switch",
        START,
        "set -euo pipefail\n",
        "set -euo pipefail\nOLLAMA_BASE_MODEL=gemma3:4b-it-qat\n",
        "OLLAMA_BASE_MODEL=gemma",
    )
    guard = 'set -euo pipefail\n[ -n "${OLLAMA_NUM_PARALLEL:-}" ] || export OLLAMA_NUM_PARALLEL=1\n'
    yield Edit("entrypoint, only where nothing is given", (changed.with_(START, "set -euo pipefail\n", guard),))
    code = "news-creator/app/news_creator/more.py"
    for name, text in {
        "program": 'import os\n\nMODEL = os.getenv("LLM_MODEL", "gemma3:4b")\n',
        "literal": '"""Old."""\n\nMODEL = "gemma3:4b"\n',
        "request": 'import ollama\n\nollama.chat(model="gemma3-4b-16k", options={"num_ctx": 8192})\n',
        "helper": "import os\n\ndef text(name, default): return os.environ.get(name) or default\n"
        'M = text("LLM_MODEL", "gemma3:4b")\n',
        "dataclass": "from dataclasses import dataclass\n\n@dataclass\nclass S:\n    llm_model: str = 'gemma3:4b'\n",
        "argument": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--model', default='gemma3:4b')\n",
    }.items():
        wrong = next(
            number
            for number, line in enumerate(text.splitlines(), 1)
            if "gemma3:4b" in line.replace("gemma3-4b-16k", "") or "8192" in line
        )
        yield Edit(f"{name} in another file", ((code, text),), f"{code}:{wrong}")
    for path, text in {
        "news-creator/start.sh": '#!/bin/sh\n: "${OLLAMA_BASE_MODEL:=gemma3:4b}"\n',
        "news-creator/warm.sh": '#!/bin/sh\ncurl -d \'{"model": "gemma3:4b"}\' http://localhost:11434/api/generate\n',
        "news-creator/pull.sh": "#!/bin/sh\nollama pull gemma3:4b\n",
        "news-creator/ui/config.ts": '// the model\nexport const model = process.env.LLM_MODEL ?? "gemma3:4b";\n',
        "news-creator/cmd/main.go": 'package main\nvar model = getEnv("LLM_MODEL", "gemma3:4b")\n',
        "news-creator/src/main.rs": '// model\nconst MODEL: &str = "gemma3:4b";\n',
        "news-creator/application.properties": "# model\nLLM_MODEL=gemma3:4b\n",
        ".env.staging.example": "A=1\nOLLAMA_BASE_MODEL=gemma3:4b\n",
        ".github/workflows/ci.yml": "env:\n  OLLAMA_BASE_MODEL: gemma3:4b\n",
    }.items():
        yield Edit(f"new file {path}", ((path, text),), f"{path}:2")


def _broken_chain(changed: Changed) -> Iterator[Edit]:
    """Yield what breaks the way from Modelfile to served variant, or the way back."""
    copy = "COPY Modelfile.gemma3-4b-16k Modelfile.gemma3-4b-60k "
    yield _replaced(changed, "Modelfile not copied", BACKEND, copy, "COPY Modelfile.gemma3-4b-16k ")
    yield _replaced(changed, "Modelfile that is not there", BACKEND, copy, copy + "Modelfile.gemma3-4b-8k ")
    yield Edit("Modelfile gone", ((MODELFILES[1], None),), "*:*")
    ignored = changed.text(IGNORE) + "Modelfile.gemma3-4b-60k\n"
    yield Edit(
        "Modelfile hidden from the build",
        ((IGNORE, ignored),),
        changed.line(IGNORE, ignored, "Modelfile.gemma3-4b-60k"),
    )
    yield _replaced(
        changed,
        "Modelfiles in another folder",
        BACKEND,
        "ENV MODELFILE_DIR=/opt/news-creator/modelfiles",
        "ENV MODELFILE_DIR=/srv/modelfiles",
    )
    list_ = 'VARIANTS="${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k gemma3-4b-60k}"'
    yield _replaced(changed, "variant not created", START, list_, 'VARIANTS="${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k}"')
    create = 'run ollama create "$1" -f "$modelfile" || die "$1 cannot be made of $BASE_MODEL"'
    yield _replaced(
        changed,
        "variant kept where it exists",
        START,
        create,
        f'ollama show "$1" >/dev/null 2>&1 || {create}',
        '    ollama show "$1"',
    )
    yield _replaced(
        changed,
        "FROM of the Modelfile kept",
        START,
        create,
        create.replace('"$modelfile"', '"$source"'),
        '    run ollama create "$1" -f "$source"',
    )
    yield _replaced(
        changed,
        "switch fixed in Compose",
        AI,
        "OLLAMA_BASE_MODEL: ${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}",
        "OLLAMA_BASE_MODEL: gemma3:4b-it-qat",
    )
    fixed = changed.with_(START, '"${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"', '"gemma3:4b-it-qat"')
    yield Edit("switch not read", (fixed,), f"{START}:*")
    for name, new in {
        "host": "http://news-creator-backendx:11434",
        "localhost": "http://localhost:11434",
        "port": "http://news-creator-backend:11435",
        "scheme": "news-creator:8001",
    }.items():
        yield _replaced(changed, f"address, {name}", AI, "${LLM_SERVICE_URL:-http://news-creator-backend:11434}", new)
    yield _replaced(
        changed,
        "mount of a file that is not there",
        AI,
        "- ${MODEL_FILES_DIR:-./model-files}:/model-files:ro",
        "- ./settings.conf:/etc/settings.conf:ro",
    )


def _unsafe(changed: Changed) -> Iterator[Edit]:
    """Yield what the security baseline and the hygiene checks are for."""
    for address in ("", "0.0.0.0:", "[::]:", "${BIND:-0.0.0.0}:"):
        old = '"127.0.0.1:${NEWS_CREATOR_BACKEND_PORT:-11434}:11434"'
        yield _replaced(changed, f"exposed port {address}", AI, old, f'"{address}11434:11434"')
    old = '    ports:\n      - "127.0.0.1:${NEWS_CREATOR_PORT:-8001}:8001"\n'
    new = '    ports:\n      - {target: 8001, published: "8001", host_ip: 0.0.0.0}\n'
    yield _replaced(changed, "exposed port, long syntax", AI, old, new, "      - {target: 8001")
    yield _replaced(changed, "floating tag", APP, "FROM python:3.11-slim", "FROM python:latest")
    yield _replaced(changed, "no tag", APP, "FROM python:3.11-slim", "FROM python")
    yield _replaced(
        changed, "version with a known hole", BACKEND, "FROM ollama/ollama:0.24.0", "FROM ollama/ollama:0.14.3"
    )
    yield _replaced(
        changed,
        "origins",
        AI,
        "      OLLAMA_KEEP_ALIVE:",
        '      OLLAMA_ORIGINS: "*"\n      OLLAMA_KEEP_ALIVE:',
        "      OLLAMA_ORIGINS",
    )
    yield _replaced(
        changed,
        "secret",
        AI,
        "      LOG_LEVEL:",
        "      HF_TOKEN: hf_kjh3Khg8fGfd65\n      LOG_LEVEL:",
        "      HF_TOKEN",
    )
    backend = "  news-creator-backend:\n    build:\n"
    yield _replaced(
        changed,
        "privileged",
        AI,
        backend,
        "  news-creator-backend:\n    privileged: true\n    build:\n",
        "    privileged",
    )
    for text in (
        "    read_only: true\n",
        "    cap_drop: [ALL]\n",
        '    security_opt: ["no-new-privileges:true"]\n',
        "          pids: 512\n",
        "          memory: 12G\n",
    ):
        before, _, after = changed.text(AI).partition(text)
        yield Edit(f"without {text.strip()}", ((AI, before + after),), f"{AI}:*")
    test = next(line for line in changed.text(AI).splitlines() if "ollama show gemma3-4b-16k" in line)
    yield _replaced(changed, "health check that cannot fail", AI, test, '      test: ["CMD-SHELL", "exit 0"]')
    yield _replaced(changed, "health check switched off", AI, test, "      disable: true")
    gpu = "              capabilities: [gpu]\n"
    yield Edit("GPU without capabilities", (changed.with_(AI, gpu, ""),), f"{AI}:*")
    reserved = changed.text(AI).partition("        reservations:\n")
    yield Edit("no GPU", ((AI, reserved[0] + reserved[2][reserved[2].index("\n\n") + 1 :]),), f"{AI}:*")


def _knobs(changed: Changed) -> Iterator[Edit]:
    """Yield what Ollama reads otherwise than it looks, or not at all."""
    for name, default, values in (
        ("OLLAMA_FLASH_ATTENTION", "1", {"off": True, "true": False}),
        ("OLLAMA_KEEP_ALIVE", "24h", {"1d": True, "10m": False, "-1": False}),
        ("OLLAMA_MAX_LOADED_MODELS", "1", {"one": True, "2": False}),
    ):
        for value, wrong in values.items():
            old = f"{name}: ${{{name}:-{default}}}"
            path, text = changed.with_(AI, old, f'{name}: "{value}"')
            at = changed.line(path, text, f"      {name}") if wrong else None
            yield Edit(f"{name}={value}", ((path, text),), at)
    for value in ("false", "0"):  # read as it looks; the attention scores of 60K fill the card
        old = "OLLAMA_FLASH_ATTENTION: ${OLLAMA_FLASH_ATTENTION:-1}"
        slow = changed.with_(AI, old, f'OLLAMA_FLASH_ATTENTION: "{value}"')
        yield Edit(f"without flash attention: {value}", (slow,), "newscreator.yaml:*")
    for name in ("OLLAMA_NUM_BATCH: 1024", "OLLAMA_NUM_PARALEL: 1", "OLLAMA_NUM_CTX: 16384"):
        new = f"      {name}\n      OLLAMA_KEEP_ALIVE:"
        yield _replaced(changed, f"nothing reads {name}", AI, "      OLLAMA_KEEP_ALIVE:", new, f"      {name}")
    # Docker itself sets it for a container with a reservation.
    none = changed.with_(AI, "      OLLAMA_KEEP_ALIVE:", "      NVIDIA_VISIBLE_DEVICES: none\n      OLLAMA_KEEP_ALIVE:")
    yield Edit("NVIDIA_VISIBLE_DEVICES beside a reservation", (none,))
    for name in ('CUDA_VISIBLE_DEVICES: "-1"', "LD_LIBRARY_PATH: /opt/lib"):
        new = f"      {name}\n      OLLAMA_KEEP_ALIVE:"
        yield _replaced(changed, f"GPU hidden by {name}", AI, "      OLLAMA_KEEP_ALIVE:", new, f"      {name}")
