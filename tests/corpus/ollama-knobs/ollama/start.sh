#!/bin/sh
set -eu
ollama serve &
server=$!
until ollama list >/dev/null 2>&1; do sleep 1; done
# gemma3:4b needed two calls here
if [ -n "${OLLAMA_WARMUP_MODEL:-}" ] && ollama show "$OLLAMA_WARMUP_MODEL" >/dev/null 2>&1; then
    ollama run "$OLLAMA_WARMUP_MODEL" "" >/dev/null
fi
wait "$server"
