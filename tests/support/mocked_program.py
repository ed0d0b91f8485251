"""Runs a Pulumi program under the SDK's own mocks, in a process of its own: they leave event loops behind."""

import json
import subprocess
import sys
from typing import Any

_RUNNER = """
import json, sys
import pulumi

class Engine(pulumi.runtime.Mocks):
    def new_resource(self, args):
        registered.append({"type": args.typ, "name": args.name, "inputs": args.inputs})
        return f"{args.name}-id", args.inputs
    def call(self, args):
        raise AssertionError("nothing calls a function")

registered = []
pulumi.runtime.set_mocks(Engine(), project="infra", stack="dev", preview=False)

@pulumi.runtime.test
def run():
    scope = {}
    exec(sys.stdin.read(), scope)
    return [value.urn for value in scope.values() if isinstance(value, pulumi.Resource)]

run()
print(json.dumps(registered))
"""


def registrations(program: str) -> list[dict[str, Any]]:
    """What `program` registers with the engine, in order: type, name and inputs."""
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER],
        input=program,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
