#!/usr/bin/env bash
# Make a Debian machine complete for the live tests: compilers, a Docker engine, Compose v2, buildx, the base images.
#
# Needs root and, where no ollama was built yet, Go: Debian's is too old for Ollama. Everything else comes from package
# registries; what is there already is reused. The official image tags are made here locally only when they are absent
# and cannot be pulled, and carry a label that says so.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
ollama_version="${1:-0.24.0}"
# Without HOME a tilde is the home folder of /etc/passwd; the cache and Docker's plugins need the variable.
[ -n "${HOME:-}" ] || { unset HOME; export HOME=~; }
cache="${NEWSCREATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pytest-newscreator}"
standin_label="org.pytest-newscreator.standin"

say() { printf 'machine: %s\n' "$*"; }
export DEBIAN_FRONTEND=noninteractive

apt_ready=""
apt_install() {
    [ -n "$apt_ready" ] || { apt-get update -qq; apt_ready=1; }
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Ollama asks for Go 1.24; an older one from 1.21 on fetches the toolchain that a module asks for by itself.
tools() {
    local missing=()
    command -v g++ >/dev/null || missing+=(g++ libc6-dev)
    command -v make >/dev/null || missing+=(make)
    command -v git >/dev/null || missing+=(git)
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
    [ "${#missing[@]}" -eq 0 ] || { say "installing ${missing[*]}"; apt_install "${missing[@]}" ca-certificates; }
    if go version 2>/dev/null | grep -qE 'go1\.(2[1-9]|[3-9][0-9])'; then return; fi
    if "$here/scripts/build-ollama.sh" "$ollama_version" >/dev/null 2>&1; then return; fi
    say "there is no Go of 1.21 or newer, which the build of ollama $ollama_version needs; Debian 12's is older"
    say "do: unpack a Go release into /usr/local/go and put its bin folder on PATH"
    return 1
}

engine() {
    if docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then return; fi
    command -v dockerd >/dev/null || { say "installing the Docker engine"; apt_install docker.io iptables ca-certificates; }
    mkdir -p "$cache/log"
    # A second try, since a daemon that was killed a moment ago can leave a dying containerd that the new one waits for.
    for _ in 1 2 3; do
        start_engine && return
        sleep 2
    done
    tail -n 20 "$cache/log/dockerd.log"
    say "dockerd did not come up in three tries (its last lines are above)"
    return 1
}

alive() { ps -C "$1" -o stat= | grep -qv Z; }

start_engine() {
    local daemon
    # Pid files outlive killed daemons, and their numbers may be a zombie's or another program's by now.
    alive dockerd || rm -f /var/run/docker.pid
    alive containerd || rm -f /var/run/docker/containerd/containerd.pid
    say "starting dockerd"
    setsid dockerd >"$cache/log/dockerd.log" 2>&1 </dev/null &
    daemon="$!"
    for _ in $(seq 100); do
        docker version >/dev/null 2>&1 && return
        kill -0 "$daemon" 2>/dev/null || return 1
        sleep 0.3
    done
    kill "$daemon" 2>/dev/null || true
    return 1
}

# The mirror's address is the machine's own: no file here names a host.
debian_mirror() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | grep -vE '^ *#' \
        | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ' | grep . \
        || { say "no Debian mirror in this machine's apt sources" >&2; return 1; }
}

# Compose v2 and buildx are too old or absent in Debian 12: their two binaries come out of sid's packages, found
# through a second source list with a state folder of its own, so that nothing else of sid can be installed.
cli_plugins() {
    local plugins="$HOME/.docker/cli-plugins" state mirror name
    if docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1; then return; fi
    say "installing Compose and buildx"
    mirror="$(debian_mirror)"
    state="$(mktemp -d)"
    mkdir -p "$state/lists/partial" "$state/debs" "$plugins"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$state/sid.list"
    local options=(-o "Dir::Etc::sourcelist=$state/sid.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$state/lists" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update -qq
    for name in docker-compose docker-buildx; do
        (cd "$state/debs" && apt-get "${options[@]}" download -qq "$name")
        dpkg -x "$state/debs/$name"_*.deb "$state/$name"
        find "$state/$name" -type f -name "$name" -perm -u+x -exec cp {} "$plugins/$name" \;
    done
    rm -rf "$state"
    docker compose version
    docker buildx version
}

# The question is short and the answer to "not to be pulled" is a stand-in, so a slow download must not decide it. The
# daemon may know a mirror or a proxy that the client does not: it gets a try of its own.
absent() {
    if docker image inspect "$1" >/dev/null 2>&1; then return 1; fi
    if ! timeout 30 docker manifest inspect "$1" >/dev/null 2>&1; then
        ! timeout 60 docker pull -q "$1" >/dev/null 2>&1
        return
    fi
    say "pulling $1"
    timeout 1800 docker pull "$1" && return 1
    say "$1 is in its registry and was not pulled (above); do: run this again"
    exit 1
}

debian_image() {
    absent debian:bookworm-slim || return 0
    command -v debootstrap >/dev/null || { say "installing debootstrap"; apt_install debootstrap; }
    local root="$cache/debian-bookworm.tar" tree
    if [ ! -f "$root" ]; then
        say "debootstrap of Debian 12"
        tree="$(mktemp -d)"
        debootstrap --variant=minbase bookworm "$tree" "$(debian_mirror)" >"$tree.log" 2>&1 || { tail "$tree.log"; return 1; }
        rm -rf "$tree"/var/cache/apt/archives/*.deb
        mkdir -p "$cache"
        tar -C "$tree" -c . >"$root.part"
        mv "$root.part" "$root"
        rm -rf "$tree" "$tree.log"
    fi
    docker import --change "LABEL $standin_label=debootstrap" "$root" debian:bookworm-slim >/dev/null
}

# Debian 12's own Python is 3.11, so the image of that name differs from the official one in its origin only.
python_image() {
    absent python:3.11-slim || return 0
    say "making python:3.11-slim"
    docker build -q -t python:3.11-slim --label "$standin_label=debian" - >/dev/null <<'DOCKERFILE'
FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends python3 python3-venv python3-pip ca-certificates >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/bin/python3 /usr/local/bin/python
CMD ["python3"]
DOCKERFILE
}

ollama_image() {
    local tag="ollama/ollama:$1" binary context
    absent "$tag" || return 0
    say "making $tag"
    binary="$("$here/scripts/build-ollama.sh" "$1")"
    context="$(mktemp -d)"
    cp "$binary" "$context/ollama"
    docker build -q -t "$tag" --label "$standin_label=built from source, CPU only" -f - "$context" >/dev/null <<'DOCKERFILE'
FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates libgomp1 >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --create-home ubuntu
COPY ollama /usr/bin/ollama
ENV PATH=/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENV NVIDIA_VISIBLE_DEVICES=all
ENV OLLAMA_HOST=0.0.0.0:11434
EXPOSE 11434
ENTRYPOINT ["/bin/ollama"]
CMD ["serve"]
DOCKERFILE
    rm -rf "$context"
}

timed() {
    local started="$SECONDS"
    "$@"
    printf 'machine: %-28s %4d s\n' "$*" "$((SECONDS - started))"
}

timed tools
timed engine
timed cli_plugins
timed debian_image
timed python_image
timed ollama_image "$ollama_version"
