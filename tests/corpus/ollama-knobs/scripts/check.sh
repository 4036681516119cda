#!/usr/bin/env bash
set -euo pipefail
curl -fsS http://localhost:11434/api/generate \
  -d '{"model": "kb-8k", "prompt": "Are you there?", "options": {"num_ctx": 8192, "num_predict": 8}}' >/dev/null
