# Sourced by check.sh and test.sh: makes the environment and decides which stack the live part uses here. Sets
#   stack    compose, process or none (the caller may set STACK to choose; one that cannot be had then ends the run: 4)
#   reason   why nothing live can be verified, where stack is none
#   advice   what to do about it
# Never touches a stack that runs already: `compose` and `process` are always stacks of our own.

stack="${STACK:-}"
reason="" advice=""

case "$stack" in
    "" | compose | process | none) ;;
    *) echo "live: STACK=$stack is none of compose, process and none; do: choose one, or leave it out" >&2; exit 2 ;;
esac

# Without HOME a tilde is the home folder of /etc/passwd; caches, Docker's plugins and ollama need the variable.
[ -n "${HOME:-}" ] || { unset HOME; export HOME=~; }

scripts/setup.sh

have_image() { docker image inspect "$1" >/dev/null 2>&1 || { echo "live: pulling $1"; docker pull "$1"; }; }

base_images() { sed -n 's/^FROM \([^ ]*\).*/\1/p' news-creator/Dockerfile news-creator/Dockerfile.backend; }

docker_will_do() {
    advice="start Docker, with its compose and buildx plugins"
    if ! docker version >/dev/null 2>&1; then reason="no Docker daemon answers"; return 1; fi
    if ! docker compose version >/dev/null 2>&1; then reason="the docker compose plugin is missing"; return 1; fi
    # The Dockerfiles use RUN --mount and COPY --chmod, which only BuildKit knows.
    if ! docker buildx version >/dev/null 2>&1; then reason="the docker buildx plugin is missing"; return 1; fi
    local image
    for image in $(base_images); do
        have_image "$image" && continue
        reason="the image $image is neither here nor to be pulled" advice="pull or load that image"
        return 1
    done
}

ollama_will_do() {
    if command -v ollama >/dev/null 2>&1; then return 0; fi
    local scratch why way status=0
    scratch="$(mktemp -d)"
    # A pipeline ends only when tee has written all; a process substitution would not be waited for.
    scripts/build-ollama.sh 2>&1 >"$scratch/path" | tee "$scratch/said" >&2 || status="$?"
    if [ "$status" -eq 0 ]; then
        PATH="$(dirname "$(cat "$scratch/path")"):$PATH"
        export PATH
    else
        way="$(sed -n 's/^build-ollama: do: //p' "$scratch/said" | tail -n 1)"
        why="$(sed -n '/^build-ollama: do: /d; s/^build-ollama: //p' "$scratch/said" | tail -n 1)"
        reason="${reason:+$reason, and }${why:-ollama could not be built (exit code $status)}"
        advice="${advice:+$advice, or }${way:-put an ollama binary on PATH}"
    fi
    rm -rf "$scratch"
    return "$status"
}

must() { "$@" || { echo "live: FAILED (STACK=$stack cannot be had: $reason), do $advice" >&2; exit 4; }; }

case "$stack" in
    "") if docker_will_do; then stack=compose; elif ollama_will_do; then stack=process; else stack=none; fi ;;
    compose) must docker_will_do ;;
    process) must ollama_will_do ;;
    none) reason="STACK=none was asked for" advice="set STACK=compose or STACK=process, or leave it out" ;;
esac

# Builds behind a private certificate authority need its bundle; Compose takes it from this variable.
if [ -z "${CA_BUNDLE:-}" ] && [ -n "${SSL_CERT_FILE:-}" ]; then export CA_BUNDLE="$SSL_CERT_FILE"; fi
