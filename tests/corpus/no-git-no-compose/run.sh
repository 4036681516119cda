#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")"
[[ -f .env ]] && set -a && source .env && set +a

export LLM_MODEL="${LLM_MODEL:-gemma3:4b}"
export EMBED_MODEL="${EMBED_MODEL:-bge-m3:567m}"
exec .venv/bin/python -m app "$@"
