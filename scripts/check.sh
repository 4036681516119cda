#!/usr/bin/env bash
# The conformance of the reference stack, with tiny stand-in models: config checks, then live ones.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
source scripts/live.sh

status=0
.venv/bin/python -m pytest newscreator.yaml --newscreator-stack "$stack" --newscreator-standin \
    --newscreator-report report "$@" || status="$?"
echo
echo "report: report/verdicts.json"
if [ "$stack" = none ]; then
    echo "live: NOT VERIFIED ($reason), do $advice"
else
    echo "live: verified on a $stack stack of its own, which is gone again; the models were stand-ins of random weights"
fi
exit "$status"
