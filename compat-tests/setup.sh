#!/usr/bin/env bash
# Installs the foreign clients that tests run and that no language's package manager brings: kcat. What can't be
# installed is said here and reported as skipped by the tests that need it.
set -u
command -v kcat >/dev/null && exit 0
command -v apt-get >/dev/null || { echo "setup: kcat is missing and there is no apt-get to install it with" >&2; exit 0; }
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get install -y -qq kcat >/dev/null 2>&1 ||
  { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq kcat; } >&2 ||
  echo "setup: kcat could not be installed; its scenarios will be skipped" >&2
exit 0
