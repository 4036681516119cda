#!/bin/sh
# On a laptop, without Docker.
export OLLAMA_NUM_PARALLEL=1
export OLLAMA_MAX_LOADED_MODELS=3
export OLLAMA_KEEP_ALIVE=5m
exec ollama serve
