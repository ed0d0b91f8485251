"""Wall time of `pulumi up`, an unchanged `up`, `refresh` and `destroy`, by number of keys and by adapter.

Run it by hand, with `pulumi` on PATH: `python benchmarks/provider.py [--keys 1 20 200] [--rounds 3]`;
2,000 keys are `--keys 2000 --rounds 1`, which take the engine most of an hour, or a few minutes with
`--skip-checkpoints`, as docs/resources.md advises for large stacks.
The dynamic resources and the plugin's are measured beside as many dynamic resources that do nothing, turn
by turn, so that the ratios hold on machines whose speed changes. Others that do nothing have the properties
of a key: what they take longer is the engine's and the SDK's time for properties, which no provider can
save. Times are medians over the rounds.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from local_engine import DYNAMIC, NATIVE, WITHOUT_CHECKPOINTS, Gateway, Stack, new_stack, start_gateway

KEY = {"allowed_models": ["openai/gpt-oss-20b"], "requests_per_minute": 500, "tokens_per_minute": 100_000}
PATIENCE_S = 1800
NO_OP = "no-op"
NO_OP_LIKE_A_KEY = "no-op-like-a-key"
PROVIDERS = {
    NO_OP: None,
    NO_OP_LIKE_A_KEY: None,
    DYNAMIC: "pulumi-resource-pulumi-python",
    NATIVE: "pulumi-resource-groq",
}
NAMES = {DYNAMIC: "dynamic resources", NATIVE: "plugin"}
PROGRAM = """\
import json
from pathlib import Path

from {package} import GroqApiKey

for name, args in json.loads((Path(__file__).parent / "declarations.json").read_text())["keys"].items():
    GroqApiKey(name, **args)
"""
PROGRAMS = {
    NO_OP: PROGRAM.replace("{package} import GroqApiKey", "no_op import NoOp").replace(
        "GroqApiKey(name, **args)", "NoOp(name, args)"
    ),
    NO_OP_LIKE_A_KEY: PROGRAM.replace("{package} import GroqApiKey", "no_op import NoOpLikeAKey").replace(
        "GroqApiKey(name, **args)", "NoOpLikeAKey(name, args)"
    ),
}
NO_OP_RESOURCE = """\
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class NoOpProvider(ResourceProvider):
    def create(self, props):
        return CreateResult("made", props)


class NoOp(Resource, module="bench", name="NoOp"):
    def __init__(self, name, args):
        super().__init__(NoOpProvider(), name, args)


OUTPUTS = {
    "api_key": "pgq_H5KJQLv0dHye0K8Mpif8sRl96yRsaVPpkPqKvN1iG1TUNffE",
    "claim": "145277a5f81d709b",
    "created_at": "2026-11-26T17:12:17.342083Z",
    "generation": 1,
    "key_id": "key_011m8cdfynzxtnrv27cbtcy19m",
    "last_four": "NffE",
    "lineage_id": "key_011m8cdfynzxtnrv27cbtcy19m",
    "status": "active",
}


class NoOpLikeAKeyProvider(ResourceProvider):
    def create(self, props):
        return CreateResult("key_011m8cdfynzxtnrv27cbtcy19m", {**props, **OUTPUTS})


class NoOpLikeAKey(Resource, module="bench", name="NoOpLikeAKey"):
    def __init__(self, name, args):
        declared = {"name": name, "declared_as": name, "managed_by": "organization/benchmark/dev", **args}
        super().__init__(NoOpLikeAKeyProvider(), name, declared)
"""


@dataclass(frozen=True)
class Timing:
    """One operation: seconds, and the admin requests that it made."""

    seconds: float
    requests: dict[str, int]


OPERATIONS = ("up", "unchanged up", "refresh", "destroy")
Round = dict[tuple[int, str], dict[str, Timing]]
"""The operations of one round, by number of keys and adapter."""


def timed(gateway: Gateway, operation: Callable[[], object]) -> Timing:
    """Run `operation` and count what it asked the gateway."""
    gateway.control("reset-counts")
    start = time.perf_counter()
    operation()
    return Timing(time.perf_counter() - start, gateway.requests())


def measure(gateway: Gateway, stack: Stack, keys: int, package: str) -> dict[str, Timing]:
    """One round: create everything, change nothing, refresh, destroy; each is told as soon as it is done."""
    stack.declare(keys={f"key-{number}": KEY for number in range(keys)})
    timings = {}
    for operation, run in zip(OPERATIONS, (stack.up, stack.up, stack.refresh, stack.destroy), strict=True):
        timings[operation] = timed(gateway, run)
        print(f"{keys} keys, {package}, {operation}: {timings[operation].seconds:.1f} s", file=sys.stderr)
    return timings


def asked(timing: Timing) -> str:
    """The requests of one operation in words."""
    counted = [f"{count} {call.replace('/openai/v1', '')}" for call, count in sorted(timing.requests.items())]
    return ", ".join(counted) or "none"


def cells(rounds: list[Round], keys: int, operation: str) -> list[str]:
    """One row: the median seconds of each, the median ratio to no-op resources, and the requests."""
    beside = [one[keys, NO_OP][operation].seconds for one in rounds]
    row = [f"{statistics.median(beside):.1f}"]
    for package in (NO_OP_LIKE_A_KEY, DYNAMIC, NATIVE):
        seconds = [one[keys, package][operation].seconds for one in rounds]
        ratios = [each / other for each, other in zip(seconds, beside, strict=True)]
        row += [f"{statistics.median(seconds):.1f}", f"{statistics.median(ratios):.2f}"]
    return [*row, asked(rounds[0][keys, NATIVE][operation])]


def start_up_s(command: str, environment: dict[str, str]) -> float:
    """Seconds until a provider's process tells its port."""
    start = time.perf_counter()
    with subprocess.Popen(
        [command, "127.0.0.1:1"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        if process.stdout is None or not process.stdout.readline().strip().isdigit():
            raise RuntimeError(f"{command} told no port")
        seconds = time.perf_counter() - start
        os.killpg(process.pid, signal.SIGTERM)  # Pulumi's is a script around Python
    return seconds


def make_stack(folder: Path, gateway: Gateway, package: str, keys: int, environment: dict[str, str]) -> Stack:
    """A stack of its own for one adapter and one size, run with `environment` beside its own."""
    project = f"{package.replace('_', '-')}-{keys}"
    stack = new_stack(folder, gateway, project=project, package=DYNAMIC if package in PROGRAMS else package)
    stack.patience_s = PATIENCE_S
    stack.environment.update(environment)
    program = PROGRAMS.get(package, PROGRAM.replace("{package}", package))
    (stack.folder / "__main__.py").write_text(program)
    (stack.folder / "no_op.py").write_text(NO_OP_RESOURCE)
    return stack


def main() -> None:
    """Measure every size and adapter, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, nargs="+", default=[1, 20, 200])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-checkpoints", action="store_true", help="write the state once for each run")
    options = parser.parse_args()
    environment = WITHOUT_CHECKPOINTS if options.skip_checkpoints else {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        gateway = start_gateway(folder / "gateway.db")
        try:
            stacks = {
                (keys, package): make_stack(folder, gateway, package, keys, environment)
                for keys in options.keys
                for package in PROVIDERS
            }
            rounds = [
                {case: measure(gateway, stack, *case) for case, stack in stacks.items()}
                for _ in range(options.rounds)
            ]
            any_stack = next(iter(stacks.values()))
            starts = {
                package: [start_up_s(command, any_stack.environment) for _ in range(3 * options.rounds)]
                for package, command in PROVIDERS.items()
                if command is not None
            }
        finally:
            gateway.stop()
    print(
        "| keys | operation | no-op, s | with a key's properties, s | times | dynamic, s | times | plugin, s "
        "| times | admin requests |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|---|")
    for keys in options.keys:
        for operation in OPERATIONS:
            print(f"| {keys} | {operation} | {' | '.join(cells(rounds, keys, operation))} |", flush=True)
    for package, seconds in starts.items():
        print(
            f"\nStart-up of the provider of the {NAMES[package]}: {statistics.median(seconds):.2f} s", end=""
        )
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    print(f"\n\nLoad average at the end: {load}.")


if __name__ == "__main__":
    main()
