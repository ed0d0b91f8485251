#!/bin/sh
# Runs uv with these arguments; on a network with a certificate authority of its own once more, with the
# certificates of the system.
set -eu

uv=$(sh "$(dirname "$0")/uv.sh")
exec 3>&1
code=0
said=$("$uv" "$@" 2>&1 1>&3) || code=$?
if [ "$code" -ne 0 ] && printf '%s\n' "$said" | grep -q certificate; then
    UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true exec "$uv" "$@"
fi
[ -z "$said" ] || printf '%s\n' "$said" >&2
exit "$code"
