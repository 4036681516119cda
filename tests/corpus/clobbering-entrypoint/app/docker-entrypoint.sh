#!/bin/sh
# Fill what Compose leaves open; never gemma3:4b again.
set -e
if [ -z "$LLM_NUM_CTX" ]; then
    LLM_NUM_CTX=8192
    export LLM_NUM_CTX
fi
LOG_LEVEL="${LOG_LEVEL:-warning}"
export LOG_LEVEL
: "${LLM_TIMEOUT:=60}"
export LLM_TIMEOUT
TMPDIR=/tmp
exec "$@"
