#!/usr/bin/env bash
# Serve the news-creator's models: have the selected base, make every variant of it, load the first, stay.
# Runs in the container and, with the same variables, as a plain process; needs bash, coreutils and ollama only.
#   OLLAMA_BASE_MODEL           the base of every variant
#   OLLAMA_BASE_MODEL_FILES     `name=path` pairs for hosts without a registry; a path ends before the next ` name=`
#   NEWS_CREATOR_VARIANTS       the variants to make, each from $MODELFILE_DIR/Modelfile.<variant>
#   NEWS_CREATOR_PRELOAD        the variant to load before the service counts as ready; empty loads none
#   NEWS_CREATOR_START_SECONDS  how long `ollama serve` may take until it answers
set -euo pipefail

BASE_MODEL="${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"
VARIANTS="${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k gemma3-4b-60k}"
PRELOAD="${NEWS_CREATOR_PRELOAD-gemma3-4b-16k}"
MODELFILES="${MODELFILE_DIR:-$(cd "$(dirname "$0")" && pwd)}"
START_SECONDS="${NEWS_CREATOR_START_SECONDS:-60}"
NAME='[A-Za-z0-9_][A-Za-z0-9_.:/-]*'

say() { echo "entrypoint: $*" >&2; }
die() { say "$*"; exit 1; }

# Without HOME a tilde is the home folder of /etc/passwd; ollama itself refuses to run without the variable.
[ -n "${HOME:-}" ] || { unset HOME; export HOME=~; }
MODELS="${OLLAMA_MODELS:-$HOME/.ollama/models}"
READY="$HOME/.news-creator-ready"

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

# The limit is for a listener that accepts and never speaks.
answers() { timeout 5 ollama list >/dev/null 2>&1; }
alive() { kill -0 "$server" 2>/dev/null; }

# Only the server started here may answer: in another one the models would be somebody else's.
start_server() {
    local address="${OLLAMA_HOST:-127.0.0.1:11434}" deadline="$((SECONDS + START_SECONDS))" answered=""
    if answers; then die "another Ollama answers at $address; stop it, or set OLLAMA_HOST to a free address"; fi
    ollama serve &
    server="$!"
    until [ -n "$answered" ]; do
        [ "$SECONDS" -lt "$deadline" ] || die "ollama serve did not answer at $address within $START_SECONDS s"
        sleep 0.1
        if alive && answers; then answered=1; fi
        alive || die "ollama serve ended before it answered (its output is above)"
    done
}

file_of() {
    local rest="${OLLAMA_BASE_MODEL_FILES:-}" name path
    while [[ "$rest" =~ ^[[:space:],]*($NAME)=(.*)$ ]]; do
        name="${BASH_REMATCH[1]}" rest="${BASH_REMATCH[2]}" path="${BASH_REMATCH[2]}"
        if [[ "$rest" =~ [[:space:],]+$NAME= ]]; then path="${rest%%"${BASH_REMATCH[0]}"*}"; fi
        rest="${rest#"$path"}"
        while [[ "$path" == *[[:space:],] ]]; do path="${path%?}"; done
        if [ "$name" = "$1" ]; then printf '%s' "$path"; return; fi
    done
    [[ "$rest" =~ ^[[:space:],]*$ ]] || die "OLLAMA_BASE_MODEL_FILES holds name=path pairs, and this is none: $rest"
}

import_base() {
    local modelfile="$HOME/.import.modelfile" file="$2"
    # Ollama takes a relative path from the Modelfile's folder, which is not where the path was written.
    [ "${file#/}" != "$file" ] || file="$PWD/$file"
    [ -r "$file" ] || die "OLLAMA_BASE_MODEL_FILES names $file for $1, and there is no such readable file"
    say "importing $1 from $file"
    # A bare GGUF brings no chat template that Ollama would take: these are Gemma's turns.
    cat >"$modelfile" <<MODELFILE
FROM $file
TEMPLATE """{{- range \$i, \$m := .Messages }}
{{- if eq \$m.Role "assistant" }}<start_of_turn>model
{{ else }}<start_of_turn>user
{{ end }}{{ \$m.Content }}<end_of_turn>
{{ end }}<start_of_turn>model
"""
PARAMETER stop "<end_of_turn>"
MODELFILE
    run ollama create "$1" -f "$modelfile" || die "$1 cannot be imported from $file"
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

# The Modelfile $1 with its FROM replaced. A quoted value may go on over lines, and a "from" in it is text; it ends, as
# in Ollama's own parser, at the first line whose end closes the quotes that it began with.
rebase() {
    local line text="" start='^[[:space:]]*((parameter|message)[[:space:]]+[^[:space:]]+|[a-z]+)[[:space:]]+(".*)$'
    shopt -s nocasematch
    while IFS= read -r line || [ -n "$line" ]; do
        if [ -n "$text" ]; then text+=" $line"
        elif [[ "$line" =~ ^[[:space:]]*from[[:space:]] ]]; then line="FROM $BASE_MODEL"
        elif [[ "$line" =~ $start ]]; then text="${BASH_REMATCH[3]}"
        fi
        printf '%s\n' "$line"
        if is_closed "$text"; then text=""; fi
    done <"$1"
    shopt -u nocasematch
}

is_closed() {
    local text="$1"
    while [[ "$text" == *[[:space:]] ]]; do text="${text%?}"; done
    case "$text" in
        '"""'*) [[ "$text" == '"""'*'"""' ]] ;;
        *) [[ "$text" == '"'*'"' ]] ;;
    esac
}

# Always, even when the variant exists: a variant made earlier keeps the base it was made of, and a rollback
# would change nothing. With the base present this takes about 20 ms.
make_variant() {
    local source="$MODELFILES/Modelfile.$1" modelfile="$HOME/.$1.modelfile"
    [ -r "$source" ] || die "the Modelfile of $1 is missing: $source"
    rebase "$source" >"$modelfile"
    run ollama create "$1" -f "$modelfile" || die "$1 cannot be made of $BASE_MODEL"
    rm -f "$modelfile"
}

[[ "$BASE_MODEL" =~ ^$NAME$ ]] || die "OLLAMA_BASE_MODEL is \"$BASE_MODEL\", which is no model's name; write NAME:TAG"
[[ "$START_SECONDS" =~ ^[1-9][0-9]*$ ]] || die "NEWS_CREATOR_START_SECONDS is \"$START_SECONDS\"; write whole seconds"
[ -w "$HOME" ] || die "HOME ($HOME) is not writable by uid $(id -u); set HOME to a folder for ollama's key"
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
