#!/usr/bin/env bash
# Installs what tests run: kcat, Python and Node for the clients of these languages, for disks that fail strace and mkfs.ext4,
# then the clients themselves, at pinned versions into the cache folder of the user.
# What can't be installed is said here and reported as skipped by the tests that need it.
set -u
cd "$(dirname "$0")" || exit 1

# clients installs Python's and Node's.
clients() {
  local folder
  for folder in confluent kafkapython; do
    ./install/venv.sh "$folder" >/dev/null || echo "setup: $folder could not be installed; its scenarios will be skipped" >&2
  done
  for folder in librdkafka/*.txt; do
    ./install/wheel.sh "$folder" >/dev/null || echo "setup: $folder could not be installed; its scenarios will be skipped" >&2
  done
  ./install/npm.sh kafkajs >/dev/null || echo "setup: kafkajs could not be installed; its scenarios will be skipped" >&2
}

missing=()
command -v kcat >/dev/null || missing+=(kcat)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
if [ "$(uname)" = Linux ]; then
  command -v strace >/dev/null || missing+=(strace)
  command -v mkfs.ext4 >/dev/null || [ -x /sbin/mkfs.ext4 ] || missing+=(e2fsprogs)
fi
[ ${#missing[@]} = 0 ] && { clients; exit 0; }
command -v apt-get >/dev/null || { echo "setup: missing ${missing[*]}, and there is no apt-get to install it with" >&2; clients; exit 0; }
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1 ||
  { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq "${missing[@]}"; } >&2 ||
  echo "setup: ${missing[*]} could not be installed; scenarios will be skipped" >&2
clients
exit 0
