#!/usr/bin/env bash
# Build `ollama` from its Go module and cache it; prints the path of the binary on stdout, progress on stderr.
#
#   scripts/build-ollama.sh [VERSION]        default 0.24.0, the newest release that vendors llama.cpp
#
# Needs Go, a C++ compiler, pip and (for two header packages) apt's index; needs no root and installs nothing
# outside the cache folder. Module archives carry no `vendor/` folders, so three single-header libraries come
# from elsewhere: nlohmann-json and stb from Debian packages, miniaudio from the PyPI source archive of that name.
set -euo pipefail

version="${1:-0.24.0}"
cache="${NEWSCREATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pytest-newscreator}"

say() { printf '%s\n' "build-ollama: $*" >&2; }
die() { say "$1"; say "do: $2"; exit 3; }

# A binary built for AVX2 dies with SIGILL on a CPU without it, so the flags are part of the cache key.
simd=""
for flag in avx2 fma f16c; do
    if grep -qw "$flag" /proc/cpuinfo 2>/dev/null; then simd="$simd -m$flag"; else simd=""; break; fi
done
key="$version-$(go env GOARCH 2>/dev/null || uname -m)$(printf '%s' "$simd" | tr -d ' ')"
target="$cache/ollama/$key/bin/ollama"
if [ -x "$target" ]; then echo "$target"; exit 0; fi

command -v go >/dev/null || die "go is not on PATH" "install Go 1.24 or newer, or put an ollama binary on PATH"
command -v "${CXX:-g++}" >/dev/null || die "no C++ compiler (${CXX:-g++})" "install g++, or put an ollama binary on PATH"

work="$(mktemp -d "${TMPDIR:-/tmp}/build-ollama.XXXXXX")"
trap 'rm -rf "$work"' EXIT

headers="$cache/headers"
have_header() { [ -f "/usr/include/$1" ] || [ -f "$headers/usr/include/$1" ]; }
fetch_deb() {
    have_header "$2" && return
    command -v apt-get >/dev/null || die "the header $2 is missing" "install the package $1"
    say "fetching the header package $1"
    mkdir -p "$headers" "$work/debs"
    (cd "$work/debs" && apt-get -o APT::Sandbox::User=root -qq download "$1" >&2) || die "the header package $1 cannot be downloaded" "run: apt-get update && apt-get install $1"
    dpkg -x "$work/debs/$1"_*.deb "$headers"
}
fetch_deb nlohmann-json3-dev nlohmann/json.hpp
fetch_deb libstb-dev stb/stb_image.h
if [ ! -f "$headers/miniaudio/miniaudio.h" ]; then
    say "fetching the header miniaudio.h"
    python3 -m pip download --quiet --no-deps --no-binary :all: -d "$work/sdist" miniaudio==1.71 >&2 \
        || die "the source archive of miniaudio cannot be downloaded" "check that pip reaches a package index"
    mkdir -p "$headers/miniaudio" "$work/miniaudio"
    tar -xzf "$work"/sdist/miniaudio-*.tar.gz -C "$work/miniaudio"
    header="$(find "$work/miniaudio" -name miniaudio.h | head -n 1)"
    cp "$header" "$headers/miniaudio/miniaudio.h"
fi

say "building ollama $version (about 5 minutes on 2 cores, once)"
started="$SECONDS"
mkdir -p "$work/bin"
( while sleep 20; do say "still building, $((SECONDS - started)) s"; done ) &
ticker="$!"
status=0
env GOBIN="$work/bin" GOFLAGS="-buildvcs=false" \
    CGO_CPPFLAGS="-I$headers -I$headers/usr/include -I$headers/usr/include/stb -I/usr/include/stb" \
    CGO_CFLAGS="-O3$simd" CGO_CXXFLAGS="-O3$simd" \
    go install -ldflags "-s -w -X=github.com/ollama/ollama/version.Version=$version" \
    "github.com/ollama/ollama@v$version" >"$work/log" 2>&1 || status="$?"
kill "$ticker" 2>/dev/null || true
wait "$ticker" 2>/dev/null || true
if [ "$status" -ne 0 ]; then
    tail -n 25 "$work/log" >&2
    die "the build of ollama $version failed (above: its last lines)" "read them, or put an ollama binary on PATH"
fi
mkdir -p "$(dirname "$target")"
mv "$work/bin/ollama" "$target.part"
mv "$target.part" "$target"
say "built in $((SECONDS - started)) s: $("$target" --version 2>/dev/null | tail -n 1)"
echo "$target"
