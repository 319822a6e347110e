#!/usr/bin/env bash
# Lint, types, import rules; unit and property tests unless --no-tests. Stops at the first fault.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '%-8s' "$1"; shift; local t=$SECONDS; "$@" || { echo "failed: $*"; exit 1; }; echo "        $((SECONDS - t)) s"; }
step lint    .venv/bin/ruff check -q .
step format  .venv/bin/ruff format --check -q .
step types   .venv/bin/mypy --no-error-summary
step imports bash -c '.venv/bin/lint-imports >/tmp/dozvon-imports.$$ 2>&1 || { cat /tmp/dozvon-imports.$$; exit 1; }; rm -f /tmp/dozvon-imports.$$'
[ "${1:-}" = --no-tests ] || step tests .venv/bin/python -m pytest -p no:cacheprovider -n 2 --dist loadfile tests/unit tests/property tests/dialogues
