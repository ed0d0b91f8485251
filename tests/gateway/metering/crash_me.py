"""Run by test_crash as a process of its own: admits and settles until it is killed, and says what it did.

Every line is written only after the call that it reports: `admitted ID COST` and `settled ID COST`.
"""

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from pulumi_groq.gateway.clock import SystemClock
from pulumi_groq.gateway.health import Background, Health
from pulumi_groq.gateway.metering.opening import MeteringSettings, open_metering
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses, WebhookSender
from pulumi_groq.gateway.metrics import GatewayMetrics
from pulumi_groq.gateway.store.store import open_store
from pulumi_groq.policy.access import KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.limits import Consumption, Demand

IN_FLIGHT = 8


class NoPolicy:
    """A directory without a spending policy."""

    organisation: OrganisationPolicy | None = None

    def find(self, key_hash: bytes) -> KeyAccess | None:
        return None


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def main(database: Path, run: str) -> None:
    metrics = GatewayMetrics()
    service = open_metering(
        store=open_store(f"sqlite:///{database}"),
        journal_directory=database.with_name("journal"),
        directory=NoPolicy(),
        clock=SystemClock(),
        events=metrics,
        background=Background(Health(metrics)),
        sender=WebhookSender(WebhookAddresses()),
        random=Random(),  # noqa: S311 (jitter, no secret)
        settings=MeteringSettings(journal_segment_bytes=20_000),
    )
    key = KeyAccess("key_01a", "k", "key_01a", None, frozenset(), Limits(), None, None, False)
    numbers = iter(range(10**9))

    async def client(random: Random) -> None:
        while True:
            number = next(numbers)
            cost = random.randrange(100, 1000)
            reservation = await service.metering.admit(key, Demand("m", 10, cost), f"req_{run}_{number}")
            assert isinstance(reservation, Reservation)
            say(f"admitted {reservation.id} {cost}")
            await asyncio.sleep(random.random() / 200)
            used = random.randrange(cost)
            await service.metering.settle(reservation, Consumption(5, 0, 5, used), 200)
            say(f"settled {reservation.id} {used}")

    async with service.serving():
        await asyncio.gather(*(client(Random(seed)) for seed in range(IN_FLIGHT)))  # noqa: S311 (no secret)


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
