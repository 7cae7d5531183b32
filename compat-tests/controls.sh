#!/usr/bin/env bash
# Proves that the fault bars can fail: applies each patch of faults/controls (or those named, as in ./controls.sh R1 R20) to a copy of the
# sources, and runs the tests that the head of the patch names, which must fail and say so. Needs git and patch, and root for those that mount disks.
# With --check it only looks whether each patch still applies.
set -uo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --check ]; then
  for patch in compat-tests/faults/controls/*.patch; do
    patch -s -f --dry-run -p1 <"$patch" || { echo "$patch doesn't apply any more"; exit 1; }
  done
  exit
fi
results=() failed=0
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for patch in compat-tests/faults/controls/*.patch; do
  name=$(basename "$patch" .patch)
  [ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
  field() { sed -n "s/^$1: //p" "$patch"; }
  package=$(field package) tests=$(field tests) env=$(field env) finds=$(field finds)
  echo "== $name: $(head -1 "$patch")"
  rm -rf "$copy/src" && mkdir "$copy/src" && git ls-files -z | tar -c --null -T - | tar -x -C "$copy/src"
  output=$copy/output.txt
  if ! patch -s -d "$copy/src" -p1 <"$patch" || ! (cd "$copy/src" && CGO_ENABLED=0 go build -o "$copy/clatter" ./cmd/clatter); then
    results+=("$name BROKEN: the patch doesn't apply any more, or doesn't build") failed=1
    continue
  fi
  folder=$copy/src
  [ -d "$copy/src/compat-tests/$package" ] && folder=$copy/src/compat-tests
  # Some need more than one try, because what they break shows by chance.
  verdict="$name FAILED: the tests pass"
  for try in 1 2 3; do
    (cd "$folder" && env ${env:+"$env"} CI=true CLATTER_BIN="$copy/clatter" go test -count=1 -timeout 20m -run "^($tests)\$" "$package") >"$output" 2>&1 </dev/null
    rc=$?
    if [ $rc != 0 ] && grep -q -- "$finds" "$output"; then
      verdict="$name found in try $try: $(grep -m1 -- "$finds" "$output" | tr -s ' ' | cut -c1-160)"
      break
    fi
    [ $rc = 0 ] || verdict="$name FAILED: the tests fail, but over something else than '$finds'"
  done
  tail -5 "$output"
  [[ $verdict = *" found in "* ]] || failed=1
  results+=("$verdict")
done
printf '%s\n' "${results[@]}"
exit $failed
