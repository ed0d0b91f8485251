"""The meterings of gateways that share one PostgreSQL, all of them in this process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fake_clock import FakeClock
from metering_bench import Bench, OneOrganisation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.metering.shared_money import SharedMoney
from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.change_log import log_end
from pulumi_groq.gateway.store.store import Store, open_store
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.escrow import Holder, Standing

CAP = "spend:2026-11:organisation"


@dataclass
class SharedDirectory(OneOrganisation):
    """What is in force at one gateway; a round brings it to the store's last change."""

    keys: list[KeyAccess] = field(default_factory=list)
    store: Store | None = None
    seen: int = 0
    rounds: int = 0

    def of_id(self, key_id: str) -> KeyAccess | None:
        return next((key for key in self.keys if key.key_id == key_id), None)

    def keys_of(self, lineage_id: str) -> Sequence[KeyAccess]:
        return [key for key in self.keys if key.lineage_id == lineage_id]

    def one_of(self, team: str) -> KeyAccess | None:
        return next((key for key in self.keys if key.team == team), None)

    async def round(self) -> None:
        assert self.store is not None
        self.rounds += 1
        with self.store.read() as connection:
            self.seen = log_end(connection).id


class SharingGateway:
    """One gateway's metering; `start` after its end is the next life on the same folder."""

    def __init__(self, url: str, folder: Path, clock: FakeClock, *keys: KeyAccess) -> None:
        self.url = url
        self.folder = folder
        self.clock = clock
        self.directory = SharedDirectory(keys=list(keys))
        self.start()

    def start(self) -> None:
        self.store = open_store(self.url, data_directory=self.folder)
        assert self.store.member is not None
        self.holder: Holder = self.store.member.holder
        self.directory.store = self.store
        self.money = SharedMoney(self.store, self.store.member, self.directory, self.directory)
        self.bench = Bench(
            self.store,
            self.folder / "journal",
            clock=self.clock,
            directory=self.directory,
            money=self.money,
            requests=f"req_{self.folder.name}{self.holder.epoch}",
        )
        self.service: MeteringService = self.bench.open()
        self._is_alive = True

    def kill(self) -> None:
        """End without a word, if it has not ended: nothing is written or given back."""
        if self._is_alive:
            self._is_alive = False
            self.bench.close()
            self.store.close()

    async def serve_a_round(self) -> None:
        """Do everything that a gateway does from time to time, once, and end as one that is stopped."""
        self._is_alive = False
        async with self.service.serving():
            await asyncio.sleep(0)  # lets the rounds begin; they are waited for
        self.store.close()

    def cap(self, cap: int, *thresholds: int) -> None:
        self.bench.cap(cap, *thresholds)

    def standing(self, account: str = CAP) -> Standing:
        """How an account stands at the bank."""
        with self.store.read() as connection:
            return bank.standing(connection, account)

    def held(self, replica: str | None = None) -> set[str]:
        """The accounts of which a replica, this one unless named, holds money."""
        with self.store.read() as connection:
            return bank.held_accounts(connection, replica or self.holder.replica)
