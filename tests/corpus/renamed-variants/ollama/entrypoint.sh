#!/usr/bin/env bash
# Serve, have the base, make each variant of it, forget the names of old.
set -euo pipefail

BASE="${BASE_MODEL:-gemma3:4b-it-qat}"
VARIANTS="${NOTES_VARIANTS:-notes-8k notes-32k}"

make_variant() {
    local file="/tmp/Modelfile.$1"
    sed "s|^FROM .*|FROM $BASE|" "$MODELFILES/Modelfile.$1" >"$file"
    ollama create "$1" -f "$file"
}

ollama serve &
pid=$!
until ollama list >/dev/null 2>&1; do sleep 1; done

ollama pull "$BASE"
for variant in $VARIANTS; do
    make_variant "$variant"
done

# Whoever still asks for these should get an error, not last year's weights.
ollama rm gemma3-4b-8k 2>/dev/null || true
ollama rm gemma3-4b-32k 2>/dev/null || true

if [ -n "${PRELOAD_MODEL:-}" ]; then
    ollama run "$PRELOAD_MODEL" "" >/dev/null
fi
touch /tmp/ready
wait "$pid"
