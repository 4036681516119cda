#!/bin/sh
set -eu
for model in gemma3:4b-it-qat gemma3:4b; do
    ollama pull "$model"
done
OLLAMA_HOST=http://gpu-box:11434 ollama pull bge-m3:567m
