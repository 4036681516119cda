#!/bin/sh
export LLM_BASE=gemma3:4b OLLAMA_NUM_PARALLEL=8
sh -n llm/entrypoint.sh
