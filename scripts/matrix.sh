#!/usr/bin/env bash
# The conformance of the reference stack on several releases of Ollama, each built once and run as plain processes.
#
#   scripts/matrix.sh [VERSION...]        default 0.14.3 and 0.24.0
set -euo pipefail
cd "$(dirname "$0")/.."

versions=("$@")
[ "$#" -gt 0 ] || versions=(0.14.3 0.24.0)
results=() worst=0
for version in "${versions[@]}"; do
    printf '\n=== ollama %s\n' "$version"
    status=0
    binary="$(scripts/build-ollama.sh "$version")" || status="$?"
    if [ "$status" -eq 0 ]; then
        said="$("$binary" --version 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | tail -n 1)"
        echo "matrix: the binary says it is $said: $binary"
        PATH="$(dirname "$binary"):$PATH" STACK=process scripts/check.sh || status="$?"
    fi
    results+=("$(printf 'ollama %-10s exit code %s' "$version" "$status")")
    [ "$status" -eq 0 ] || worst=1
done
printf '\n=== matrix\n'
printf '%s\n' "${results[@]}"
exit "$worst"
