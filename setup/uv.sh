#!/bin/sh
# Prints the path of uv: the one on PATH, or else one installed from PyPI into .tools/uv.
set -eu
cd "$(dirname "$0")/.."

VERSION=0.13.9
OLDEST_MINOR=8 # older ones do not read the lock file's dependency groups

say() { printf '%s\n' "$1" >&2; }

if found=$(command -v uv); then
    minor=$("$found" --version | sed -n 's/^uv 0\.\([0-9]*\).*/\1/p')
    if [ "${minor:-$OLDEST_MINOR}" -ge "$OLDEST_MINOR" ]; then # no minor: 1.0 or newer
        printf '%s\n' "$found"
        exit
    fi
fi

own=$PWD/.tools/uv/bin/uv
if ! "$own" --version >/dev/null 2>&1; then
    python=$(command -v python3) || {
        say 'setup: python3 is missing; install it, on Debian: apt-get install python3 python3-venv'
        exit 1
    }
    say "Installing uv $VERSION into .tools/uv ..."
    mkdir -p .tools
    if ! "$python" -m venv --clear .tools/uv >.tools/uv.log 2>&1; then
        say 'setup: python3 cannot make virtual environments; on Debian: apt-get install python3-venv'
        exit 1
    fi
    if ! .tools/uv/bin/pip install --quiet --disable-pip-version-check "uv==$VERSION" >>.tools/uv.log 2>&1; then
        say "setup: uv $VERSION could not be installed from PyPI: $(tail -n 1 .tools/uv.log) (all of it: .tools/uv.log)"
        exit 1
    fi
fi
printf '%s\n' "$own"
