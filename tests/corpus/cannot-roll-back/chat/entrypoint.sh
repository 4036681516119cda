#!/usr/bin/env bash
set -euo pipefail
base="${CHAT_BASE:-gemma3:4b-it-qat}"

ollama serve &
server=$!
until ollama list >/dev/null 2>&1; do sleep 1; done
ollama pull "$base"
sed "s|^FROM .*|FROM ${base}|" /models/Modelfile.chat-8k > /tmp/Modelfile
ollama create chat-8k -f /tmp/Modelfile
wait "$server"
