#!/usr/bin/env bash
# Build `ollama` from its Go module and cache it; prints the path of the binary on stdout, progress on stderr.
#
#   scripts/build-ollama.sh [VERSION]        default 0.24.0, the newest release that vendors llama.cpp
#
# Needs Go, a C++ compiler, pip and (for two header packages) apt's sources; needs no root and installs nothing
# outside the cache folder. Module archives carry no `vendor/` folders, so three single-header libraries come
# from elsewhere: nlohmann-json and stb from Debian packages, miniaudio from the PyPI source archive of that name.
set -euo pipefail

here="$(cd "$(dirname "$0")/.." && pwd)"
version="${1:-0.24.0}"
# Without HOME a tilde is the home folder of /etc/passwd; Go and the cache need the variable.
[ -n "${HOME:-}" ] || { unset HOME; export HOME=~; }
cache="${NEWSCREATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pytest-newscreator}"

say() { printf '%s\n' "build-ollama: $*" >&2; }
die() { say "$1"; say "do: $2"; exit 3; }

# A binary built for AVX2 dies with SIGILL on a CPU without it, so the flags are part of the cache key.
simd=""
for flag in avx2 fma f16c; do
    if grep -qw "$flag" /proc/cpuinfo 2>/dev/null; then simd="$simd -m$flag"; else simd=""; break; fi
done
# Go's word for the machine, also where Go is absent: what was built before is found either way.
arch="$(uname -m)"
case "$arch" in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; esac
key="$version-$arch$(printf '%s' "$simd" | tr -d ' ')"
target="$cache/ollama/$key/bin/ollama"
if [ -x "$target" ]; then echo "$target"; exit 0; fi

command -v go >/dev/null || die "go is not on PATH" "install Go 1.24 or newer, or put an ollama binary on PATH"
command -v "${CXX:-g++}" >/dev/null \
    || die "no C++ compiler (${CXX:-g++})" "install g++, or put an ollama binary on PATH"

work="$(mktemp -d "${TMPDIR:-/tmp}/build-ollama.XXXXXX")"
ticker="" build=""
clean() {
    [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
    [ -z "$build" ] || kill -- "-$build" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

headers="$cache/headers"
have_header() { [ -f "/usr/include/$1" ] || [ -f "$headers/usr/include/$1" ]; }

# A fresh image has no index, and only root could write the machine's own: this one lies in the work folder.
apt=(apt-get -qq -o APT::Sandbox::User=root)
apt_index() {
    apt-cache show "$1" >/dev/null 2>&1 && return
    [ ! -d "$work/apt" ] || return 0
    say "fetching apt's index"
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    apt+=(-o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o Debug::NoLocking=1)
    "${apt[@]}" update >&2 || die "apt's index cannot be fetched" "install $1, or put an ollama binary on PATH"
}
fetch_deb() {
    have_header "$2" && return
    command -v apt-get >/dev/null || die "the header $2 is missing" "install the package $1"
    apt_index "$1"
    say "fetching the header package $1"
    mkdir -p "$headers" "$work/debs"
    (cd "$work/debs" && "${apt[@]}" download "$1" >&2) \
        || die "the header package $1 cannot be downloaded" "run: apt-get update && apt-get install $1"
    dpkg -x "$work/debs/$1"_*.deb "$headers"
}
fetch_deb nlohmann-json3-dev nlohmann/json.hpp
fetch_deb libstb-dev stb/stb_image.h
if [ ! -f "$headers/miniaudio/miniaudio.h" ]; then
    say "fetching the header miniaudio.h"
    python=python3
    [ ! -x "$here/.venv/bin/python" ] || python="$here/.venv/bin/python"
    "$python" -m pip download --quiet --no-deps --no-binary :all: -d "$work/sdist" miniaudio==1.71 >&2 \
        || die "the source archive of miniaudio cannot be downloaded" "check that pip reaches a package index"
    mkdir -p "$headers/miniaudio" "$work/miniaudio"
    tar -xzf "$work"/sdist/miniaudio-*.tar.gz -C "$work/miniaudio"
    header="$(find "$work/miniaudio" -name miniaudio.h | head -n 1)"
    cp "$header" "$headers/miniaudio/miniaudio.h"
fi

say "building ollama $version (about 5 minutes on 2 cores, once)"
started="$SECONDS"
mkdir -p "$work/bin"

# Stdout is the caller's pipe: whoever still held it, a sleep included, would keep the caller waiting.
tick() {
    local nap=""
    trap 'kill "$nap" 2>/dev/null; exit 0' TERM
    while kill -0 "$$" 2>/dev/null; do
        sleep 20 &
        nap="$!"
        wait "$nap"
        say "still building, $((SECONDS - started)) s"
    done
}
tick >&2 &
ticker="$!"

compile() {
    env GOBIN="$work/bin" GOFLAGS="-buildvcs=false" \
        CGO_CPPFLAGS="-I$headers -I$headers/usr/include -I$headers/usr/include/stb -I/usr/include/stb" \
        CGO_CFLAGS="-O3$simd" CGO_CXXFLAGS="-O3$simd" \
        go install -ldflags "-s -w -X=github.com/ollama/ollama/version.Version=$version" \
        "github.com/ollama/ollama@v$version"
}
# A process group of its own, so that an end of this script ends the compilers too.
set -m
compile >"$work/log" 2>&1 </dev/null &
build="$!"
set +m
status=0
wait "$build" || status="$?"
build=""
kill "$ticker" 2>/dev/null || true
wait "$ticker" 2>/dev/null || true
ticker=""
if [ "$status" -ne 0 ]; then
    tail -n 25 "$work/log" >&2
    die "the build of ollama $version failed (above: its last lines)" "read them, or put an ollama binary on PATH"
fi
mkdir -p "$(dirname "$target")"
mv "$work/bin/ollama" "$target.part"
mv "$target.part" "$target"
say "built in $((SECONDS - started)) s: $("$target" --version 2>/dev/null | tail -n 1)"
echo "$target"
