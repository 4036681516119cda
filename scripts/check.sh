#!/usr/bin/env bash
# The conformance of the reference stack, with tiny stand-in models: config checks, then live ones.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/live.sh

report=report/verdicts.json
rm -f "$report"

# The line on the live levels, from this run's own verdicts; pytest's exit codes 2, 3 and 4 mean that it did not finish.
live_part() {
    .venv/bin/python - "$report" "$status" "$stack" <<'PYTHON'
import json
import sys
from pathlib import Path

report, status, stack = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
records = json.loads(report.read_text())["verdicts"] if report.exists() else []
live = [r for r in records if r["level"] in ("deployed", "served", "measured") and r["check"] != "record"]
broken = [r for r in live if r["status"] in ("failed", "inconclusive", "invalid") and r["severity"] == "error"]
passed = [r for r in live if r["status"] == "passed" and r["level"] in ("deployed", "served")]
if status in (2, 3, 4):
    print(f"live: FAILED (the run ended with exit code {status}, see above)")
elif broken:
    print(f"live: FAILED ({len(broken)} of {len(live)} live checks, see above)")
elif passed:
    own = f"a {stack} stack of its own, which is gone again"
    print(f"live: verified on {own}; the models were stand-ins of random weights")
elif live:
    print(f"live: NOT VERIFIED (none of {len(live)} live checks could be made), do what is said of each above")
else:
    print("live: NOT VERIFIED (this run made no live check), do leave out what deselects them")
PYTHON
}

status=0
.venv/bin/python -m pytest newscreator.yaml "$@" --newscreator-stack "$stack" --newscreator-standin \
    --newscreator-report report || status="$?"
echo
[ ! -e "$report" ] || echo "report: $report"
if [ "$stack" = none ]; then
    echo "live: NOT VERIFIED ($reason), do $advice"
else
    live_part
fi
exit "$status"
