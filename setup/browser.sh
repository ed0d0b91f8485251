#!/bin/sh
# Sees to it that chromium is on PATH: tests look at the page in a real browser.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$1" >&2; }

command -v chromium >/dev/null && exit

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say 'Installing chromium for the tests of the page ...'
    mkdir -p .tools
    install() { DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; }
    if { install || { apt-get update && install; }; } >.tools/browser.log 2>&1; then
        exit
    fi
    say "setup: chromium could not be installed: $(tail -n 1 .tools/browser.log) (all of it: .tools/browser.log)"
    exit 1
fi
say 'setup: chromium is missing; the tests of the page need it, on Debian: apt-get install chromium'
exit 1
