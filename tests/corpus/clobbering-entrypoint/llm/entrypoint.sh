#!/usr/bin/env bash
set -euo pipefail

. /opt/llm/defaults.sh

# 2x faster on the old box (gemma3:4b)
export OLLAMA_NUM_PARALLEL=4
export OLLAMA_MAX_LOADED_MODELS=1
export OLLAMA_FLASH_ATTENTION=1
[ -n "${OLLAMA_KEEP_ALIVE:-}" ] || export OLLAMA_KEEP_ALIVE=24h

debug() {
    export OLLAMA_DEBUG=1
    export OLLAMA_MAX_QUEUE=4
}

make_notes() {
    until ollama list >/dev/null 2>&1; do sleep 1; done
    ollama pull "$LLM_BASE"
    printf 'FROM %s\nPARAMETER temperature 0.2\n' "$LLM_BASE" | ollama create notes -f -
}

if [ "${1:-serve}" != serve ]; then
    exec "$@"
fi

make_notes &
exec env OLLAMA_KEEP_ALIVE=30m ollama serve

export OLLAMA_MAX_QUEUE=1
