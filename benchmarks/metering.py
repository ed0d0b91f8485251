"""What admit + settle cost, beside an empty coroutine call in the same run.

    python benchmarks/metering.py [requests]

Single-threaded, one process, the real clock, journal and store in a temporary folder; the ledger is written
after each round, outside the timed part (its CPU is on its own line). Medians of 9 rounds, and the quickest
round: on a shared machine it is nearest to the truth.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import uvloop

from pulumi_groq.gateway.clock import SystemClock
from pulumi_groq.gateway.health import Background, Health
from pulumi_groq.gateway.metering.opening import open_metering
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses, WebhookSender
from pulumi_groq.gateway.metrics import GatewayMetrics
from pulumi_groq.gateway.store.store import open_store
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.limits import Consumption, Demand
from pulumi_groq.policy.runaway import RunawayLimit
from pulumi_groq.policy.windows import PERIODS

ROUNDS = 9
LIMITS = Limits(10**9, 10**9, 10**9, 10**9)
KEYS = [
    KeyAccess(f"key_{n}", "k", f"key_{n}", "team", frozenset(), LIMITS, 10**15, None, False)
    for n in range(100)
]
GUARDED = [
    replace(
        key, key_id=f"guarded_{n}", lineage_id=f"guarded_{n}", runaway=RunawayLimit(10**15, 10, "alert", None)
    )
    for n, key in enumerate(KEYS)
]
EVERY_WINDOW = tuple(Budget(per, 10**15) for per in PERIODS)
ALL_ON = [
    replace(
        key,
        limits=replace(LIMITS, max_parallel_requests=10**9),
        budgets=EVERY_WINDOW[:-1],
        team_bounds=Bounds(replace(LIMITS, max_parallel_requests=10**9), EVERY_WINDOW),
        model_bounds={"openai/gpt-oss-20b": Bounds(LIMITS, EVERY_WINDOW[-1:])},
    )
    for key in KEYS
]
"""Keys with every limit there is: of the key, its team and the model, budgets in all windows."""
DEMAND = Demand("openai/gpt-oss-20b", 1000, 400)
USED = Consumption(100, 0, 200, 70)


class Organisation:
    """A directory with a cap and alerts, all rules on."""

    organisation = OrganisationPolicy(10**15, (10**14,), auto_pause=True)

    def find(self, key_hash: bytes) -> KeyAccess | None:  # noqa: ARG002 (protocol)
        return None


async def empty() -> None:
    """What the figures are a multiple of."""


async def empty_round(requests: int) -> float:
    began = time.process_time()
    for _ in range(requests):
        await empty()
    return (time.process_time() - began) / requests


async def metering_round(
    service: MeteringService, requests: int, name: str, keys: Sequence[KeyAccess] = KEYS
) -> float:
    metering = service.metering
    began = time.process_time()
    for number in range(requests):
        reservation = await metering.admit(keys[number % 100], DEMAND, f"req_{name}_{number}")
        if isinstance(reservation, Reservation):
            await metering.settle(reservation, USED, 200)
    return (time.process_time() - began) / requests


async def denied_round(service: MeteringService, requests: int) -> float:
    small = KeyAccess("small", "k", "small", None, frozenset(), Limits(None, 10), None, None, False)
    began = time.process_time()
    for number in range(requests):
        await service.metering.admit(small, DEMAND, f"denied_{number}")
    return (time.process_time() - began) / requests


async def flush_round(service: MeteringService, requests: int) -> float:
    began = time.process_time()
    await service.upkeep()
    return (time.process_time() - began) / requests


async def measure(folder: Path, requests: int) -> None:
    metrics = GatewayMetrics()
    service = open_metering(
        store=open_store(f"sqlite:///{folder / 'gateway.db'}"),
        journal_directory=folder / "journal",
        directory=Organisation(),
        clock=SystemClock(),
        events=metrics,
        background=Background(Health(metrics)),
        sender=WebhookSender(WebhookAddresses()),
        random=Random(0),  # noqa: S311 (jitter, no secret)
    )
    figures: dict[str, list[float]] = {}
    for round_number in range(ROUNDS):
        for name, seconds in (
            ("empty coroutine", await empty_round(requests)),
            ("admit + settle", await metering_round(service, requests, str(round_number))),
            (
                "admit + settle, runaway guard",
                await metering_round(service, requests, f"g{round_number}", GUARDED),
            ),
            (
                "admit + settle, every limit set",
                await metering_round(service, requests, f"all{round_number}", ALL_ON),
            ),
            ("ledger write, off the hot path", await flush_round(service, 3 * requests)),
            ("denied admit", await denied_round(service, requests)),
        ):
            figures.setdefault(name, []).append(seconds)
    base = statistics.median(figures["empty coroutine"])
    print(f"{'':38}{'CPU us/request':>16}{'quickest':>10}{'x empty call':>14}")
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"{name:38}{median * 1e6:16.2f}{min(values) * 1e6:10.2f}{median / base:14.0f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
