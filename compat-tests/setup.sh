#!/usr/bin/env bash
# Installs what tests run and what no language's package manager brings: kcat, and for disks that fail strace and mkfs.ext4.
# What can't be installed is said here and reported as skipped by the tests that need it.
set -u
missing=()
command -v kcat >/dev/null || missing+=(kcat)
if [ "$(uname)" = Linux ]; then
  command -v strace >/dev/null || missing+=(strace)
  command -v mkfs.ext4 >/dev/null || [ -x /sbin/mkfs.ext4 ] || missing+=(e2fsprogs)
fi
[ ${#missing[@]} = 0 ] && exit 0
command -v apt-get >/dev/null || { echo "setup: missing ${missing[*]}, and there is no apt-get to install it with" >&2; exit 0; }
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1 ||
  { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq "${missing[@]}"; } >&2 ||
  echo "setup: ${missing[*]} could not be installed; scenarios will be skipped" >&2
exit 0
