#!/usr/bin/env bash
set -euo pipefail

base="${CHAT_BASE:-qwen3:8b}"

ollama serve &
server=$!
trap 'kill "$server"' TERM INT
until ollama list >/dev/null 2>&1; do sleep 0.5; done

ollama pull "$base"
# The rewriter used to live here, too.
ollama pull gemma3:1b
ollama create support-8k -f /opt/models/Modelfile.support-8k
wait "$server"
