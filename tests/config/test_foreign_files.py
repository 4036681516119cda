"""Files of other programs: a retired name is found where it counts, and only there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

CONTRACT = "version: 1\nmodel:\n  base: gemma3:4b-it-qat\n  retired: [gemma3:4b, 'qwen2.5:7b']\n"
_MARKED = re.compile(r"«(.*?)»")

# In «» stand the names that must be found; every other one must not be.
FILES: dict[str, str] = {
    "litellm/config.yaml": """\
model_list:
  # once gemma3:4b
  - model_name: summaries
    litellm_params:
      model: ollama/«qwen2.5:7b»
      api_base: http://llm:11434
  - model_name: chat
    litellm_params: {model: "ollama_chat/«gemma3:4b»", api_base: os.environ/OLLAMA_URL}
  - model_name: by-v1
    litellm_params:
      model: openai/«gemma3:4b»
      api_base: http://llm:11434/v1
  - model_name: somebody
    litellm_params: {model: ollama/someuser/gemma3:4b}
router_settings:
  fallbacks: [{chat: ["ollama/«gemma3:4b»"]}]
""",
    "continue/config.yaml": """\
name: Desk
models:
  - name: Gemma at home, gemma3:4b of old
    provider: ollama
    model: «gemma3:4b»
    roles: [chat]
  - name: Tab
    provider: ollama
    model: ollama/«qwen2.5:7b» # not gemma3:4b
  - {provider: ollama, model: registry.example.com/library/gemma3:4b}
""",
    "continue/config.json": """\
{
  "models": [
    {"title": "was gemma3:4b", "provider": "ollama", "model": "«gemma3:4b»"},
    {"title": "Q", "provider": "ollama", "model": "someuser/gemma3:4b"}
  ],
  "tabAutocompleteModel": {"model": "«qwen2.5:7b»"}
}
""",
    "webui/webui.env": """\
# DEFAULT_MODELS=gemma3:4b
OLLAMA_BASE_URL=http://llm:11434
DEFAULT_MODELS=gemma3:4b-it-qat,«gemma3:4b»
TASK_MODEL=«qwen2.5:7b»
""",
    "k8s/config-map.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: chat
  annotations: {note: once gemma3:4b}
data:
  OLLAMA_MODEL: «gemma3:4b»
  LITELLM_MODEL: "ollama/«qwen2.5:7b»"
""",
    "k8s/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers:
        - name: pull
          command: ["ollama", "pull", "«gemma3:4b»"]
      containers:
        - name: chat
          image: ollama/gemma3:4b
          env:
            - name: MODEL
              value: «qwen2.5:7b»
          args: ["--model=«gemma3:4b»", "--user=ollama"]
""",
    "chart/values.yaml": """\
ollama:
  models:
    pull:
      - «gemma3:4b»
      # - qwen2.5:7b
    run: ["«qwen2.5:7b»"]
note: "gemma3:4b was here"
""",
    "chart/templates/cm.yaml": """\
{{- if eq .Values.model "gemma3:4b" }}
# gemma3:4b
{{- end }}
kind: ConfigMap
data:
  {{ .Values.key }}{{ if .Values.x }}: a{{ end }}
  MODEL: {{ .Values.model | default "«gemma3:4b»" }}
  OTHER: «qwen2.5:7b»
  : - broken: [
""",
    "units/llm.service": """\
# gemma3:4b
[Unit]
Description=serves gemma3:4b
[Service]
Environment="MODEL=«gemma3:4b»" OTHER=ollama/«qwen2.5:7b»
ExecStartPost=/usr/bin/ollama pull «gemma3:4b»
""",
    "ansible/vars.yml": """\
ollama_models:
  - «gemma3:4b»
  - {name: «qwen2.5:7b», state: present}
chat_model: "{{ lookup('env', 'CHAT_MODEL') | default('«gemma3:4b»') }}"
""",
    "ansible/play.yml": """\
- hosts: all
  tasks:
    - name: pull it, not gemma3:4b
      ansible.builtin.command: ollama pull «gemma3:4b»
      when: wanted != "gemma3:4b"
    - ansible.builtin.shell: |
        ollama pull «qwen2.5:7b»
    - ansible.builtin.command:
        cmd: ollama rm gemma3:4b
""",
    ".github/workflows/pull.yml": """\
name: pull
on: push
env:
  MODEL: «gemma3:4b»
jobs:
  pull:
    strategy:
      matrix: {model: ["ollama/«qwen2.5:7b»", gemma3:4b-it-qat]}
    steps:
      - if: matrix.model != 'gemma3:4b'
        run: |
          # gemma3:4b
          [ "$MODEL" = gemma3:4b ] && exit 1
          ollama pull «gemma3:4b»
""",
    ".github/workflows/tab.yml": """\
name: gemma3:4b and a tab
on: push
env:
\tMODEL: «gemma3:4b»
jobs:
  pull:
    steps:
      - run: ollama pull «qwen2.5:7b» # gemma3:4b
      - run: |
          case "$MODEL" in gemma3:4b) exit 1 ;; esac
          aider --model ollama_chat/«gemma3:4b»
""",
    "src/appsettings.json": """\
{
  // gemma3:4b
  "Ollama": {"Endpoint": "http://llm:11434", "Model": "«gemma3:4b»"},
  "Chat": {"Models": ["«qwen2.5:7b»"], "About": "no gemma3:4b here"}
}
""",
    "src/main/resources/application.yml": """\
spring:
  ai:
    ollama:
      chat:
        options:
          model: ${CHAT_MODEL:«gemma3:4b»}
      init: {chat: {additional-models: [«qwen2.5:7b»]}}
      note: gemma3:4b was the model
""",
    "src/main/resources/application.properties": """\
# gemma3:4b
spring.ai.ollama.chat.options.model=${CHAT_MODEL:«gemma3:4b»}
spring.ai.ollama.embedding.options.model=«qwen2.5:7b»
""",
    "web/opencode.json": """\
{
  "model": "ollama/«gemma3:4b»",
  "provider": {"ollama": {"npm": "@ai-sdk/openai-compatible", "models": {"gemma3:4b": {"name": "was gemma3:4b"}}}}
}
""",
    "home/.aider.conf.yml": """\
# model: ollama_chat/gemma3:4b
model: ollama_chat/«gemma3:4b»
weak-model: ollama://«qwen2.5:7b»
""",
    "crew/agents.toml": """\
# gemma3:4b
[llm]
model = "ollama/«gemma3:4b»"
fallbacks = ["litellm/ollama/«qwen2.5:7b»", "someuser/gemma3:4b"]
about = "gemma3:4b is gone"
""",
    ".gitlab-ci.yml": """\
variables: {MODEL: "«gemma3:4b»"} # gemma3:4b
pull:
  rules: [{if: '$MODEL == "gemma3:4b"', when: never}]
  script:
    - ollama pull «qwen2.5:7b»
    - test "$MODEL" != gemma3:4b
""",
    ".devcontainer/devcontainer.json": """\
{
  // gemma3:4b
  "containerEnv": {"MODEL": "«gemma3:4b»"},
  "postCreateCommand": "ollama pull «qwen2.5:7b»"
}
""",
    "package.json": """\
{
  "scripts": {"pull": "ollama pull «gemma3:4b»", "ask": "MODEL=«qwen2.5:7b» node ask.js"},
  "description": "no gemma3:4b"
}
""",
    "Procfile": """\
web: MODEL=«gemma3:4b» python -m chat --model ollama/«qwen2.5:7b»
""",
    "units/chat.container": """\
[Container]
# gemma3:4b
Image=ghcr.io/example/chat:1
Environment=MODEL=«gemma3:4b»
Exec=serve --model «qwen2.5:7b»
""",
    "Dockerfile": """\
# gemma3:4b
FROM ollama/ollama:0.14.3
ARG MODEL=«gemma3:4b»
ENV OTHER=ollama/«qwen2.5:7b»
RUN ollama serve & sleep 5 && ollama pull «gemma3:4b»
RUN if [ "$MODEL" = gemma3:4b ]; then exit 1; fi
""",
    "automation/flow.json": """\
{"nodes": [{"type": "lmChatOllama", "parameters": {"model": "«gemma3:4b»", "options": {}}}, {"name": "no gemma3:4b"}]}
""",
    "conf/chat.ini": """\
; gemma3:4b
[llm]
model = «gemma3:4b»
fallback = ollama/«qwen2.5:7b»
about = gemma3:4b is gone
""",
    "conf/chat.xml": """\
<!-- gemma3:4b -->
<chat model="«gemma3:4b»"><small>«qwen2.5:7b»</small><about>don't use gemma3:4b</about></chat>
""",
    "conf/promptfoo.yaml": """\
providers:
  - ollama:chat:«gemma3:4b»
  - id: ollama:completion:«qwen2.5:7b»
""",
}


@pytest.fixture
def small(stack: Stack, tmp_path: Path) -> Stack:
    """Make a repository of a small contract and nothing else."""
    made = replace(stack, root=tmp_path / "small")
    made.write("newscreator.yaml", CONTRACT)
    return made


@pytest.mark.parametrize(("path", "marked"), FILES.items(), ids=FILES)
def test_a_retired_name_is_found_where_it_counts_and_only_there(small: Stack, path: str, marked: str) -> None:
    """Comments, prose, keys and comparisons name it without using it."""
    text = _MARKED.sub(r"\1", marked)
    small.write(path, text)
    expected = {_position(marked[: match.start()]) for match in _MARKED.finditer(marked)}
    judged = [one for one in small.broken() if "retired" in one.headline]
    found = {one.headline.split(": ")[0].removeprefix(f"{path}:") for one in judged}
    assert found == expected


def _position(before: str) -> str:
    """Return line and column behind a text, its marks not counted."""
    plain = before.replace("«", "").replace("»", "")
    return f"{plain.count(chr(10)) + 1}:{len(plain) - plain.rfind(chr(10))}"
