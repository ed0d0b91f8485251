"""A metering over a real store, with a clock that is told the time and a sender that only writes down."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from fake_clock import NOON, FakeClock
from pulumi_groq.gateway.counters.protocol import Counters
from pulumi_groq.gateway.health import Background, Health
from pulumi_groq.gateway.metering.alert_delivery import NotDeliveredError, WebhookAnswer
from pulumi_groq.gateway.metering.journal import SEGMENT_BYTES
from pulumi_groq.gateway.metering.opening import MeteringSettings, open_metering
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.metering.shared_money import SharedMoney
from pulumi_groq.gateway.store.alerts import DeliveryOutcome
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.runaway import RunawayAction
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.limits import Consumption, Demand, Denial

START = NOON


@dataclass
class OneOrganisation:
    """A directory of one organisation; `organisation` may be set anew at any time."""

    organisation: OrganisationPolicy | None = None

    def find(self, key_hash: bytes) -> KeyAccess | None:
        return None


@dataclass
class RecordingSender:
    """A sender that answers from a list of statuses (200 when it is used up; 0: no answer)."""

    answers: list[int] = field(default_factory=list)
    posted: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    retry_after_s: int = 0
    meanwhile: Callable[[], None] = lambda: None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        self.posted.append((url, body, headers))
        self.meanwhile()
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise NotDeliveredError("no answer")
        return WebhookAnswer(status, self.retry_after_s)

    async def close(self) -> None:
        return None


@dataclass
class Noted:
    """An observer that counts."""

    expired: int = 0
    written: int = 0
    failed: int = 0
    aside: int = 0
    damaged: int = 0
    cut_off: int = 0
    parts_failed: list[str] = field(default_factory=list)
    fired: list[int] = field(default_factory=list)
    deliveries: list[DeliveryOutcome] = field(default_factory=list)
    runaways: list[RunawayAction] = field(default_factory=list)
    ledger_was_written: asyncio.Event = field(default_factory=asyncio.Event)

    def reservation_expired(self) -> None:
        self.expired += 1

    def ledger_written(self, rows: int) -> None:
        self.written += rows
        self.ledger_was_written.set()

    def ledger_failed(self) -> None:
        self.failed += 1

    def set_aside(self) -> None:
        self.aside += 1

    def journal_damaged(self, lines: int, cut_off: int) -> None:
        self.damaged += lines
        self.cut_off += cut_off

    def part_failed(self, part: str) -> None:
        self.parts_failed.append(part)

    def alert_fired(self, threshold_micro_usd: int) -> None:
        self.fired.append(threshold_micro_usd)

    def runaway(self, action: RunawayAction) -> None:
        self.runaways.append(action)

    def alert_delivery(self, outcome: DeliveryOutcome) -> None:
        self.deliveries.append(outcome)


@dataclass
class Bench:
    """Everything around one metering; `reopen` stands for a restart on the same disk."""

    store: Store
    journal_directory: Path
    clock: FakeClock = field(default_factory=FakeClock)
    directory: OneOrganisation = field(default_factory=OneOrganisation)
    sender: RecordingSender = field(default_factory=RecordingSender)
    events: Noted = field(default_factory=Noted)
    slept_s: list[float] = field(default_factory=list)
    reservation_ttl_s: float = 900
    kept_days: int = 90
    most_waiting_rows: int = 1000
    journal_segment_bytes: int = SEGMENT_BYTES
    monotonic_s: float = 0
    rates: Counters | None = None
    money: SharedMoney | None = None
    requests: str = "req"
    background: Background = field(init=False)
    _opened: list[MeteringService] = field(default_factory=list)
    _requests: int = 0

    def open(self) -> MeteringService:
        self.background = Background(Health(self.events, lambda: self.monotonic_s))
        service = open_metering(
            store=self.store,
            journal_directory=self.journal_directory,
            directory=self.directory,
            clock=self.clock,
            events=self.events,
            background=self.background,
            sender=self.sender,
            random=Random(7),  # noqa: S311 (jitter, no secret)
            rates=self.rates,
            money=self.money,
            sleep=self._sleep,
            settings=MeteringSettings(
                reservation_ttl_s=self.reservation_ttl_s,
                kept_days=self.kept_days,
                most_waiting_rows=self.most_waiting_rows,
                journal_segment_bytes=self.journal_segment_bytes,
            ),
        )
        self._opened.append(service)
        return service

    def close(self) -> None:
        for service in self._opened:
            service.ledger.close()

    async def _sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        await asyncio.sleep(0)

    def cap(self, cap: int, *thresholds: int, auto_pause: bool = True) -> None:
        former = self.directory.organisation or OrganisationPolicy(cap, (), auto_pause)
        self.directory.organisation = replace(
            former, cap_micro_usd=cap, alert_thresholds_micro_usd=thresholds, auto_pause=auto_pause
        )

    def webhooks(self, *urls: str, secret: str | None = None) -> None:
        assert self.directory.organisation is not None
        self.directory.organisation = replace(
            self.directory.organisation, alert_webhook_urls=urls, alert_webhook_signing_secret=secret
        )

    async def admit(
        self, service: MeteringService, key: KeyAccess, cost: int = 10, tokens: int = 100
    ) -> Reservation | Denial:
        self._requests += 1
        demand = Demand("openai/gpt-oss-20b", tokens, cost)
        return await service.metering.admit(key, demand, f"{self.requests}_{self._requests:08d}")

    async def spend(self, service: MeteringService, key: KeyAccess, cost: int) -> None:
        """One whole request that costs what it reserved."""
        reservation = await self.admit(service, key, cost)
        assert isinstance(reservation, Reservation)
        await service.metering.settle(reservation, used(cost), 200)


def used(cost: int, prompt: int = 10, cached: int = 0, completion: int = 5) -> Consumption:
    return Consumption(prompt, cached, completion, cost)
