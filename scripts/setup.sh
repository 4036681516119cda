#!/usr/bin/env bash
# Make or refresh the virtual environment; does nothing when what it was made from has not changed.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=".venv/.made-from"
inputs="$(cat pyproject.toml constraints.txt news-creator/app/requirements.txt | sha256sum | cut -d' ' -f1)"
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$inputs" ]; then exit 0; fi

python=""
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$candidate"; break; fi
done
[ -n "$python" ] || { echo "setup: no Python 3.11 or newer on PATH; do: install one, or set PYTHON" >&2; exit 1; }

echo "setup: making .venv with $("$python" --version)"
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"  # knows dependency groups
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
    --editable '.[all]' --group dev --requirement news-creator/app/requirements.txt
echo "$inputs" >"$stamp"
