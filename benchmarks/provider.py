"""Wall time and admin requests of `pulumi up`, an unchanged `up` and `refresh`, by number of keys.

Run it by hand, with `pulumi` on PATH: `python benchmarks/provider.py [--keys 1 20 200] [--rounds 3]`.
Each size is measured beside the same program with no resources, turn by turn, so that the ratios
hold on machines whose speed changes. Times are medians over the rounds.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from local_engine import Gateway, Stack, new_stack, start_gateway

KEY = {"allowed_models": ["openai/gpt-oss-20b"], "requests_per_minute": 500, "tokens_per_minute": 100_000}


@dataclass(frozen=True)
class Timing:
    """One operation: seconds, and the admin requests that it made."""

    seconds: float
    requests: dict[str, int]


def timed(gateway: Gateway, operation: Callable[[], object]) -> Timing:
    """Run `operation` and count what it asked the gateway."""
    gateway.control("reset-counts")
    start = time.perf_counter()
    operation()
    return Timing(time.perf_counter() - start, gateway.requests())


def measure(gateway: Gateway, stack: Stack, keys: int) -> dict[str, Timing]:
    """One round: create everything, change nothing, refresh; then clear the stack for the next round."""
    stack.declare(keys={f"key-{number}": KEY for number in range(keys)})
    timings = {
        "up": timed(gateway, stack.up),
        "unchanged up": timed(gateway, stack.up),
        "refresh": timed(gateway, stack.refresh),
    }
    stack.destroy()
    return timings


def asked(timing: Timing) -> str:
    """The requests of one operation in words."""
    counted = [f"{count} {call.replace('/openai/v1', '')}" for call, count in sorted(timing.requests.items())]
    return ", ".join(counted) or "none"


def main() -> None:
    """Measure every size and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, nargs="+", default=[1, 20, 200])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gateway = start_gateway(Path(folder) / "gateway.db")
        try:
            stacks = {keys: new_stack(Path(folder), gateway, f"n{keys}") for keys in [0, *options.keys]}
            rounds = [
                {keys: measure(gateway, stack, keys) for keys, stack in stacks.items()}
                for _ in range(options.rounds)
            ]
        finally:
            gateway.stop()
    print("| keys | operation | seconds | times the empty program | admin requests |")
    print("|---:|---|---:|---:|---|")
    for keys in stacks:
        for operation in rounds[0][keys]:
            seconds = statistics.median(one[keys][operation].seconds for one in rounds)
            ratio = statistics.median(
                one[keys][operation].seconds / one[0][operation].seconds for one in rounds
            )
            row = (str(keys), operation, f"{seconds:.1f}", f"{ratio:.1f}", asked(rounds[0][keys][operation]))
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
