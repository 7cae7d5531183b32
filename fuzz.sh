#!/usr/bin/env bash
# Runs every fuzz target of the module in turn: fuzz.sh TIME (as go test -fuzztime takes it). Inputs are minimized
# for two seconds each at most: a minute, the default, would leave nothing of a short TIME.
set -euo pipefail
time=${1:-30s}
cd "$(dirname "$0")"
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for pkg in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do # no target in a package is fine
    echo "== $pkg $target"
    if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 2s -parallel 2 "$pkg" 2>&1 | tee "$log"; then
      continue
    fi
    # go test now and then takes the end of TIME for a failure of the target; it writes no input then.
    if grep -q '^    context deadline exceeded$' "$log" && ! grep -q 'Failing input' "$log"; then
      continue
    fi
    failed=1
  done
done
exit $failed
