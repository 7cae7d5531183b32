#!/usr/bin/env bash
# npm.sh FOLDER: prints the path of a node_modules folder with what FOLDER/package-lock.json pins, made on first use in the cache
# folder of the user. The name holds a hash of the lock, so it is never stale. The lock names versions and hashes, not where they come from.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: npm.sh FOLDER}
cache=${COMPAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clatter-compat}
command -v npm >/dev/null || { echo "no npm" >&2; exit 1; }
command -v node >/dev/null || { echo "no node" >&2; exit 1; }
key=$(cat "$here/$folder/package.json" "$here/$folder/package-lock.json" | cksum | tr ' ' -)
dir=$cache/$folder-$key
[ -d "$dir" ] || {
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/installing-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cp "$here/$folder/package.json" "$here/$folder/package-lock.json" "$work"
  (cd "$work" && npm ci --silent --ignore-scripts --no-audit --no-fund) >&2
  mv -T "$work" "$dir" 2>/dev/null || [ -d "$dir" ] || mv "$work" "$dir"
}
echo "$dir/node_modules"
