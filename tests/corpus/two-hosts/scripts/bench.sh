#!/usr/bin/env bash
# Rough tokens per second on the chat host, for the monthly sheet.
set -euo pipefail
export OLLAMA_HOST="${1:-127.0.0.1:11434}"
for prompt in "Hello" "Name ten bicycle parts"; do
    ollama run qwen2.5:7b --verbose "$prompt" 2>&1 | grep "eval rate"
done
