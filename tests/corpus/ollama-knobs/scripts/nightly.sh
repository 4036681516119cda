#!/usr/bin/env bash
# Read the long documents at night, while nobody waits.
set -euo pipefail
url="${OLLAMA_URL:-http://localhost:11434}"
for file in /srv/long/*.md; do
    jq -Rs . < "$file" > /tmp/prompt.json
    curl -fsS "$url/api/generate" -d '{"model": "kb-8k", "prompt": "Read the next document.", "stream": false, "options": {"num_ctx": 16384}}' > "$file.json"
done
