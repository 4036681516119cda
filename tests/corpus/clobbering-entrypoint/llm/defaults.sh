# Sourced by the entrypoint.
# export LLM_BASE=gemma3:4b
: "${LLM_BASE:=gemma3:4b-it-qat}"
export OLLAMA_CONTEXT_LENGTH=4096
export OLLAMA_LOAD_TIMEOUT="${OLLAMA_LOAD_TIMEOUT:-5m}"
export LLM_BASE
