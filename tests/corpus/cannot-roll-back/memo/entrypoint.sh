#!/usr/bin/env bash
set -euo pipefail
base="${MEMO_BASE:-llama3.2:3b}"

make_variant() {
    { echo "FROM $base"; grep -v '^FROM' "/models/Modelfile.$1"; } > "/tmp/Modelfile.$1"
    ollama create "$1" -f "/tmp/Modelfile.$1"
}

ollama serve &
server=$!
until ollama list >/dev/null 2>&1; do sleep 1; done
ollama pull "$base"
for variant in ${MEMO_VARIANTS:-memo-8k memo-32k}; do
    make_variant "$variant"
done
wait "$server"
