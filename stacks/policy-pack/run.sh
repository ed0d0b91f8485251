#!/bin/sh
# policy.yaml as a CrossGuard policy pack: `pulumi preview --policy-pack stacks/policy-pack/run.sh`.
# The engine starts this with its address; python is the one on PATH, with pulumi-groq[policy-pack].
# -u: the engine waits for the port, which the SDK does not flush
exec python -u -m pulumi.policy "$1" "$(dirname "$0")/pack.py"
