#!/usr/bin/env bash
# Serve the news-creator's models: have the selected base, make every variant of it, load the first, stay.
#
# Runs in the container and, with the same variables, as a plain process; needs bash, sed and ollama only.
#   OLLAMA_BASE_MODEL         the base of every variant
#   OLLAMA_BASE_MODEL_FILES   `name=path` pairs (blank, comma or newline between them) for hosts without a registry
#   NEWS_CREATOR_VARIANTS     the variants to make, each from $MODELFILE_DIR/Modelfile.<variant>
#   NEWS_CREATOR_PRELOAD      the variant to load before the service counts as ready; empty loads none
set -euo pipefail

BASE_MODEL="${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"
VARIANTS="${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k gemma3-4b-60k}"
PRELOAD="${NEWS_CREATOR_PRELOAD-gemma3-4b-16k}"
MODELFILES="${MODELFILE_DIR:-$(cd "$(dirname "$0")" && pwd)}"
MODELS="${OLLAMA_MODELS:-$HOME/.ollama/models}"
READY="$HOME/.news-creator-ready"

say() { echo "entrypoint: $*" >&2; }
die() { say "$*"; exit 1; }

server=""
stop() {
    trap - TERM INT
    [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
}
trap 'stop; exit 143' TERM INT
trap 'stop' EXIT

# A background child plus `wait` keeps signals deliverable while a pull or a load is under way.
run() {
    "$@" &
    wait "$!"
}

start_server() {
    ollama serve &
    server="$!"
    for _ in $(seq 300); do
        ollama list >/dev/null 2>&1 && return
        kill -0 "$server" 2>/dev/null || die "ollama serve ended before it answered (its output is above)"
        sleep 0.1
    done
    die "ollama serve did not answer within 30 s"
}

file_of() {
    local pair
    for pair in $(printf '%s' "${OLLAMA_BASE_MODEL_FILES:-}" | tr ',\n' '  '); do
        [ "${pair%%=*}" != "$1" ] || { printf '%s' "${pair#*=}"; return; }
    done
}

import_base() {
    local modelfile="$HOME/.import.modelfile"
    [ -r "$2" ] || die "OLLAMA_BASE_MODEL_FILES names $2 for $1, and there is no such readable file"
    say "importing $1 from $2"
    # A bare GGUF brings no chat template that Ollama would take: these are Gemma's turns.
    cat >"$modelfile" <<MODELFILE
FROM $2
TEMPLATE """{{- range \$i, \$m := .Messages }}
{{- if eq \$m.Role "assistant" }}<start_of_turn>model
{{ else }}<start_of_turn>user
{{ end }}{{ \$m.Content }}<end_of_turn>
{{ end }}<start_of_turn>model
"""
PARAMETER stop "<end_of_turn>"
MODELFILE
    run ollama create "$1" -f "$modelfile" || die "$1 cannot be imported from $2"
    rm -f "$modelfile"
}

have_base() {
    local file
    if ollama show "$BASE_MODEL" >/dev/null 2>&1; then return; fi
    file="$(file_of "$BASE_MODEL")"
    if [ -n "$file" ]; then import_base "$BASE_MODEL" "$file"; return; fi
    say "pulling $BASE_MODEL"
    run ollama pull "$BASE_MODEL" \
        || die "$BASE_MODEL is not here, cannot be pulled, and OLLAMA_BASE_MODEL_FILES has no file for it"
}

# Always, even when the variant exists: a variant made earlier keeps the base it was made of, and a rollback
# would change nothing. With the base present this takes about 20 ms.
make_variant() {
    local source="$MODELFILES/Modelfile.$1" modelfile="$HOME/.$1.modelfile"
    [ -r "$source" ] || die "the Modelfile of $1 is missing: $source"
    sed "s|^[[:space:]]*[Ff][Rr][Oo][Mm][[:space:]].*|FROM $BASE_MODEL|" "$source" >"$modelfile"
    run ollama create "$1" -f "$modelfile" || die "$1 cannot be made of $BASE_MODEL"
    rm -f "$modelfile"
}

rm -f "$READY"
mkdir -p "$MODELS" 2>/dev/null || true
if [ ! -w "$MODELS" ]; then
    owner="$(id -u):$(id -g)"
    fix="chown -R $owner $(dirname "$MODELS")"
    if [ -e /.dockerenv ]; then
        fix="docker run --rm --user root --volumes-from $(hostname) --entrypoint chown \$(docker inspect -f '{{.Image}}' $(hostname)) -R $owner $(dirname "$MODELS")"
    fi
    die "$MODELS is not writable by uid $(id -u); run: $fix"
fi

start_server
have_base
for variant in $VARIANTS; do make_variant "$variant"; done
if [ -n "$PRELOAD" ]; then
    # An empty prompt loads the model with the Modelfile's num_ctx and num_batch, which are what the app sends:
    # another pair would make Ollama start the runner again at the first request.
    run ollama run "$PRELOAD" "" </dev/null >/dev/null || die "$PRELOAD cannot be loaded"
fi
: >"$READY"
say "ready: $VARIANTS of $BASE_MODEL"

status=0
wait "$server" || status="$?"
exit "$status"
