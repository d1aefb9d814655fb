#!/bin/sh
# Runs this checkout's probe with the given options: deploy/probe.sh --release 4f2c9e1 URL
# It requires Python and pip, but changes neither: pycurl and idna go to a separate directory.
# The exit statuses are the probe's; it is also 3 if the probe cannot be started.
set -eu
# CDPATH could make cd go elsewhere, and print the directory on standard output.
root=$(CDPATH='' cd -- "$(dirname "$0")/.." && pwd)
lock=$root/requirements-probe.txt

# -P: the current directory is not ours, and may contain a module of any name.
for python in python3 python3.15 python3.14 python3.13 python3.12 python3.11 ''; do
  build=$("$python" -P -c '
import pip, sys, sysconfig, zlib
assert sys.version_info >= (3, 11)
with open(sys.argv[1], "rb") as lock:
    print(sysconfig.get_config_var("SOABI"), zlib.crc32(lock.read()), sep="-")
' "$lock" 2>/dev/null) && break
done
if [ -z "$python" ]; then
  echo "probe.sh: got '$(python3 -m pip --version 2>&1)', expected Python 3.11 or later with pip;" \
    "on GitHub, run actions/setup-python first; on Debian, apt-get install python3-pip" >&2
  exit 3
fi

# Hidden, so that tools do not mistake it for this checkout's code.
packages=${RUNNER_TEMP:-$root/var}/.petsage-probe-$build
if [ ! -d "$packages" ]; then
  new=$packages.$$
  rm -rf "$new"
  mkdir -p "$new" || exit 3
  # --no-deps saves time: the lock file is complete, so pip need not resolve anything.
  "$python" -P -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --require-hashes --only-binary :all: --no-deps --no-compile \
    --target "$new" --requirement "$lock" || exit 3
  # An interruption must not leave a partial directory under this name.
  mv "$new" "$packages"
fi

PYTHONPATH=$root:$packages exec "$python" -P -m smoke_test.probe "$@"
