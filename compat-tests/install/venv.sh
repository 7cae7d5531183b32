#!/usr/bin/env bash
# venv.sh FOLDER: prints the path of a Python virtual environment with what FOLDER/requirements.txt pins, made on first use in the
# cache folder of the user. The name holds a hash of the pins and of the interpreter, so it is never stale. Only its
# bin/python may be called: it was made elsewhere and moved when it was complete.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: venv.sh FOLDER}
pins=$here/$folder/requirements.txt
cache=${COMPAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clatter-compat}
command -v python3 >/dev/null || { echo "no python3" >&2; exit 1; }
key=$({ python3 -VV; cat "$pins"; } | cksum | tr ' ' -)
dir=$cache/$folder-$key
[ -d "$dir" ] || {
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/installing-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  { python3 -m venv "$work/venv" && "$work/venv/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: -r "$pins"; } >&2
  mv -T "$work/venv" "$dir" 2>/dev/null || [ -d "$dir" ] || mv "$work/venv" "$dir"
}
echo "$dir"
