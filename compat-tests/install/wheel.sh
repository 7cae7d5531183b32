#!/usr/bin/env bash
# wheel.sh PINS: prints the path of a folder with what the wheels that PINS names (a file of requirements with hashes) contain, unpacked on
# first use in the cache folder of the user. They are wheels for Python 3.6 on Linux with an x86-64 processor, whatever Python this machine
# has: what is wanted are the shared libraries in them.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
pins=$here/${1:?usage: wheel.sh PINS}
cache=${COMPAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clatter-compat}
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "these wheels are for Linux on x86-64" >&2; exit 1; }
command -v python3 >/dev/null || { echo "no python3" >&2; exit 1; }
key=$(cksum <"$pins" | tr ' ' -)
dir=$cache/$(basename "$(dirname "$pins")")-$(basename "$pins" .txt)-$key
[ -d "$dir" ] || {
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/installing-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  { python3 -m venv "$work/venv" && "$work/venv/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: --no-deps --no-compile \
    --require-hashes --platform manylinux1_x86_64 --implementation cp --python-version 36 --abi cp36m --target "$work/wheel" -r "$pins"; } >&2
  mv -T "$work/wheel" "$dir" 2>/dev/null || [ -d "$dir" ] || mv "$work/wheel" "$dir"
}
echo "$dir"
