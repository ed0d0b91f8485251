#!/bin/sh
# Brings an environment in line with uv.lock: the package, its extras, and what tests and checks need.
# Without arguments it is .venv, with the package as it stands in the checkout; `environment.sh wheel` is
# .tools/wheel, with the package built into a wheel and installed from it, as users have it;
# `environment.sh examples` is .tools/examples, with the SDKs of the programs below stacks/examples/, and
# `environment.sh site` is .tools/site, with the generator of the documentation's site.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$1" >&2; }

uv=$(sh setup/uv.sh)
unset VIRTUAL_ENV # another project's environment stays as it is
mkdir -p .tools
if [ "${1:-}" = wheel ]; then
    export UV_PROJECT_ENVIRONMENT=.tools/wheel
    set -- --no-editable --reinstall-package pulumi-groq # built anew each time: the sources may have changed
elif [ "${1:-}" = examples ] || [ "${1:-}" = site ]; then
    export UV_PROJECT_ENVIRONMENT=".tools/$1"
    set -- --no-default-groups --group "$1"
else
    export UV_PROJECT_ENVIRONMENT=.venv
    set --
fi

if [ ! -x "$UV_PROJECT_ENVIRONMENT/bin/python" ]; then
    "$uv" python find '>=3.11' >/dev/null 2>&1 ||
        say 'No Python 3.11 or newer here: uv looks for one to download ...'
    say 'Installing the Python packages of uv.lock into '"$UV_PROJECT_ENVIRONMENT"' ...'
fi
if ! sh setup/uv_run.sh sync --quiet --frozen --all-extras "$@" >.tools/sync.log 2>&1; then
    "$uv" python find '>=3.11' >/dev/null 2>&1 || {
        say 'setup: Python 3.11 or newer is missing; install one, on Debian: apt-get install python3.11'
        exit 1
    }
    reason=$(sed -n -e '/^hint/d' -e 's/^ *//p' .tools/sync.log | sed '/^$/d' | tail -n 1)
    say "setup: the packages could not be installed: $reason (all of it: .tools/sync.log)"
    exit 1
fi
