"""Runs a Pulumi program under the SDK's own mocks, in a process of its own: they leave event loops behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_RUNNER = """
import json, sys
import pulumi
from pulumi.runtime import rpc

class Engine(pulumi.runtime.Mocks):
    def new_resource(self, args):
        registered.append({"type": args.typ, "name": args.name, "inputs": args.inputs})
        outputs = {**args.inputs, **given["outputs"].get(args.typ, {})}
        marked = {rpc._special_sig_key: rpc._special_secret_sig}
        secrets = {
            name: {**marked, "value": value} for name, value in given["secrets"].get(args.typ, {}).items()
        }
        return f"{args.name}-id", {**outputs, **secrets}
    def call(self, args):
        raise AssertionError("nothing calls a function")

registered = []
given = json.loads(sys.argv[1])
pulumi.runtime.set_mocks(Engine(), project="infra", stack="dev", preview=False)
for name, value in given["configuration"].items():
    pulumi.runtime.set_config(name, value)

@pulumi.runtime.test
def run():
    scope = {}
    exec(sys.stdin.read(), scope)
    return [value.urn for value in scope.values() if isinstance(value, pulumi.Resource)]

run()
print(json.dumps(registered))
"""


def registrations(
    program: str,
    python: Path = Path(sys.executable),
    *,
    configuration: dict[str, str] | None = None,
    outputs: dict[str, dict[str, Any]] | None = None,
    secrets: dict[str, dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """What `program` registers with the engine, in order: type, name and inputs.

    `outputs` and `secrets` are what resources of a type are given beside their inputs.
    """
    given = {"configuration": configuration or {}, "outputs": outputs or {}, "secrets": secrets or {}}
    done = subprocess.run(
        [str(python), "-c", _RUNNER, json.dumps(given)],
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
