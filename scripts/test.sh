#!/usr/bin/env bash
# The project's own tests; the live ones on a stack of their own, skipped by name where none can be had.
#
#   scripts/test.sh [PYTEST ARGUMENTS...]     arguments go to both halves
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/live.sh

# What needs no stack runs on all cores; what starts stacks has the machine to itself.
static=0 live=0
.venv/bin/python -m pytest tests/config news-creator/app/tests -n auto --newscreator-stack none "$@" || static="$?"
.venv/bin/python -m pytest tests/infra tests/perf --newscreator-stack "$stack" --newscreator-standin "$@" || live="$?"

# The arguments may choose tests of one half only: 5 is pytest's "no tests ran".
status="$live"
if [ "$static" -ne 0 ] && { [ "$static" -ne 5 ] || [ "$live" -eq 5 ]; }; then status="$static"; fi
if [ "$live" -eq 5 ] && [ "$static" -eq 0 ]; then status=0; fi
if [ "$stack" = none ]; then echo "live tests: skipped ($reason), do $advice"; fi
exit "$status"
