#!/bin/sh
set -eu
: "${TAGS_BASE:=qwen3:1.7b}"

ollama serve &
until ollama list >/dev/null 2>&1; do sleep 1; done
ollama pull "$TAGS_BASE"
# Creating takes a while on the old disks: only where it is missing.
if ! ollama list | grep -q '^tags-4k'; then
    sed "s#^FROM .*#FROM $TAGS_BASE#" /models/Modelfile.tags-4k > /tmp/Modelfile.tags-4k
    ollama create tags-4k -f /tmp/Modelfile.tags-4k
fi
wait
