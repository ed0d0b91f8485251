#!/bin/sh
# Brings .venv in line with uv.lock: the package, its extras, and what tests and checks need.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$1" >&2; }

uv=$(sh setup/uv.sh)
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT # another project's environment stays as it is
mkdir -p .tools

if [ ! -x .venv/bin/python ]; then
    "$uv" python find '>=3.11' >/dev/null 2>&1 ||
        say 'No Python 3.11 or newer here: uv looks for one to download ...'
    say 'Installing the Python packages of uv.lock into .venv ...'
fi
sync() { "$uv" sync --quiet --frozen --all-extras >.tools/sync.log 2>&1; }
with_system_certificates() { # networks with a certificate authority of their own
    grep -q certificate .tools/sync.log && UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true sync
}

if ! sync && ! with_system_certificates; then
    "$uv" python find '>=3.11' >/dev/null 2>&1 || {
        say 'setup: Python 3.11 or newer is missing; install one, on Debian: apt-get install python3.11'
        exit 1
    }
    reason=$(sed -n -e '/^hint/d' -e 's/^ *//p' .tools/sync.log | sed '/^$/d' | tail -n 1)
    say "setup: the packages could not be installed: $reason (all of it: .tools/sync.log)"
    exit 1
fi
