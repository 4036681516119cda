#!/bin/sh
# Nothing is made here: the two models are used as they come.
set -eu
ollama serve &
server=$!
until ollama list >/dev/null 2>&1; do sleep 1; done
for model in bge-m3:567m gemma3:1b; do
    ollama pull "$model"
done
wait "$server"
