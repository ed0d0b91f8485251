#!/bin/sh
# Sees to it that the servers of PostgreSQL and of Redis (or Valkey) are on this machine: the tests start
# their own of them. PostgreSQL's is not on PATH on Debian, where several versions may stand side by side.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$1" >&2; }

has_postgresql() {
    command -v initdb >/dev/null && command -v postgres >/dev/null && return
    for server in "${DEBIAN_POSTGRESQL:-/usr/lib/postgresql}"/*/bin/postgres; do
        [ -x "$server" ] && return
    done
    return 1
}
has_redis() { command -v redis-server >/dev/null || command -v valkey-server >/dev/null; }

missing=
has_postgresql || missing=postgresql
has_redis || missing="$missing redis-server"
missing=${missing# }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "Installing $missing for the tests ..."
    mkdir -p .tools
    # shellcheck disable=SC2086  # a list of names
    install() { DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing; }
    if { install || { apt-get update && install; }; } >.tools/test_services.log 2>&1; then
        exit
    fi
    say "setup: $missing could not be installed: $(tail -n 1 .tools/test_services.log) (all of it: .tools/test_services.log)"
    exit 1
fi
say "setup: $missing is missing; the tests start servers of it, on Debian: apt-get install $missing"
exit 1
