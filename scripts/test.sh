#!/usr/bin/env bash
# The project's own tests; the live ones on a stack of their own, skipped by name where none can be had.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/live.sh

status=0
.venv/bin/python -m pytest tests news-creator/app/tests --newscreator-stack "$stack" --newscreator-standin "$@" \
    || status="$?"
if [ "$stack" = none ]; then echo "live tests: skipped ($reason), do $advice"; fi
exit "$status"
