#!/bin/sh
# Cron, 06:55: have the model in memory before people come.
URL="${OLLAMA_URL:-http://127.0.0.1:11434}"
curl -fsS "$URL/api/generate" -d '{"model": "gemma3-4b-8k", "prompt": "", "keep_alive": "2h"}' >/dev/null
curl -fsS "$URL/api/generate" -d '{"model": "notes-tags", "prompt": ""}' >/dev/null
