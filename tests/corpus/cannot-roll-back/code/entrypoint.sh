#!/usr/bin/env bash
set -euo pipefail
export CODE_BASE="${CODE_BASE:-qwen2.5-coder:7b-instruct-q4_K_M}"

ollama serve &
until ollama list >/dev/null 2>&1; do sleep 1; done
echo "pulling $CODE_BASE"
ollama pull "$CODE_BASE"
ollama create code-16k -f /models/Modelfile.code-16k
wait
