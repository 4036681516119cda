#!/bin/sh
# keep it loaded over lunch
curl -fsS http://localhost:11434/api/generate \
    -H 'Content-Type: application/json' \
    --data-binary @- <<'JSON'
{"model": "gemma3:4b", "prompt": "", "keep_alive": "3h"}
JSON
