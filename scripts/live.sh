# Sourced by check.sh and test.sh: decides which stack the live part uses here. Sets
#   stack    compose, process or none (the caller may set STACK to choose)
#   reason   why nothing live can be verified, where stack is none
#   advice   what to do about it
# Never touches a stack that runs already: `compose` and `process` are always stacks of our own.

stack="${STACK:-}"
reason="" advice=""

have_image() { docker image inspect "$1" >/dev/null 2>&1 || { echo "live: pulling $1"; docker pull -q "$1" >/dev/null 2>&1; }; }

docker_will_do() {
    if ! docker version >/dev/null 2>&1; then reason="no Docker daemon answers"; return 1; fi
    if ! docker compose version >/dev/null 2>&1; then reason="the docker compose plugin is missing"; return 1; fi
    local image
    for image in $(sed -n 's/^FROM \([^ ]*\).*/\1/p' news-creator/Dockerfile news-creator/Dockerfile.backend); do
        have_image "$image" || { reason="the image $image is neither here nor to be pulled"; return 1; }
    done
}

ollama_will_do() {
    if command -v ollama >/dev/null 2>&1; then return 0; fi
    local built
    if built="$(scripts/build-ollama.sh 2> >(tee /tmp/build-ollama.$$ >&2))"; then
        PATH="$(dirname "$built"):$PATH"
        export PATH
        rm -f "/tmp/build-ollama.$$"
        return 0
    fi
    reason="$reason, and $(sed -n 's/^build-ollama: //p' "/tmp/build-ollama.$$" | tail -n 2 | head -n 1)"
    advice="start Docker, or $(sed -n 's/^build-ollama: do: //p' "/tmp/build-ollama.$$" | tail -n 1)"
    rm -f "/tmp/build-ollama.$$"
    return 1
}

if [ -z "$stack" ]; then
    if docker_will_do; then stack=compose; elif ollama_will_do; then stack=process; else stack=none; fi
elif [ "$stack" = process ]; then
    ollama_will_do || stack=none
fi

# Builds behind a private certificate authority need its bundle; Compose takes it from this variable.
if [ -z "${CA_BUNDLE:-}" ] && [ -n "${SSL_CERT_FILE:-}" ]; then export CA_BUNDLE="$SSL_CERT_FILE"; fi
