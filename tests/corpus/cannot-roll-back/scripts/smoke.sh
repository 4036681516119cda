#!/usr/bin/env bash
set -euo pipefail
host="${CHAT_HOST:-http://127.0.0.1:21434}"
curl -fsS "$host/api/generate" -d '{"model": "gemma3:4b", "prompt": "Hello", "stream": false}' | python3 -m json.tool
