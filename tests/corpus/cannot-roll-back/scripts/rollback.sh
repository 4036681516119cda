#!/usr/bin/env bash
# Bring one model back: scripts/rollback.sh memo
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:?which model}" in
  memo) MEMO_BASE=llama3.2:3b docker compose up -d --force-recreate memo-llm ;;
  *) echo "no way back is known for $1" >&2; exit 64 ;;
esac
docker compose exec -T memo-llm ollama show memo-8k
