"""What is so right now, read from where it is at each scrape of `/metrics`."""

import math
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pulumi_groq.gateway.batches.service import Batches
from pulumi_groq.gateway.health import Health
from pulumi_groq.gateway.http.connections import Connections
from pulumi_groq.gateway.http.drain import Drain
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.store import Store


class GatewayGauges(Collector):
    """The gauges of a gateway that is put together."""

    def __init__(
        self,
        *,
        drain: Drain,
        connections: Connections,
        service: MeteringService,
        health: Health,
        directory: Directory,
        clock: Clock,
        batches: Batches,
        store: Store,
    ) -> None:
        self._drain = drain
        self._connections = connections
        self._service = service
        self._health = health
        self._directory = directory
        self._clock = clock
        self._batches = batches
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Prometheus asks for this."""
        organisation = self._directory.organisation
        open_batches, held_micro_usd = self._batches.held
        for name, documentation, value in (
            ("running_requests", "Inference requests being served.", self._drain.running),
            ("open_connections", "Connections of clients, idle ones included.", self._connections.open),
            (
                "open_reservations",
                "Reservations not yet settled.",
                self._service.metering.open_reservations,
            ),
            ("paused_keys", "Lineages paused for runaway spend.", self._service.guard.paused_keys),
            ("open_batches", "Batches whose results are not booked yet.", open_batches),
            ("batches_held_micro_usd", "Reserved for open batches, in micro-dollars.", held_micro_usd),
            (
                "ledger_backlog",
                "Settled requests not yet written down.",
                self._service.ledger.waiting_rows,
            ),
            (
                "failing_parts",
                "Parts of the gateway that fail now: readyz fails.",
                len(self._health.failing),
            ),
            (
                "degraded_parts",
                "Parts of the gateway that work with restrictions now: readyz says why, and passes.",
                len(self._health.degraded_parts),
            ),
            (
                "live_gateways",
                "Gateways on the same store that were heard of in the last 10 seconds, this one among them.",
                1 if self._store.member is None else len(self._store.member.live),
            ),
            (
                "silent_gateways",
                "Gateways that have not left and are not heard of: what they hold counts as spent.",
                0
                if self._store.member is None
                else len(self._store.member.present) - len(self._store.member.live),
            ),
            (
                "set_aside_rows",
                "Rows and lines set aside that nobody has decided on.",
                self._service.ledger.set_aside,
            ),
            (
                "month_spend_micro_usd",
                "Spent in the running UTC month, in micro-dollars.",
                self._service.usage.month_spend_micro_usd(self._clock.now()),
            ),
            (
                "month_cap_micro_usd",
                "The monthly cap, in micro-dollars; +Inf without one.",
                math.inf if organisation is None else organisation.cap_micro_usd,
            ),
        ):
            yield GaugeMetricFamily(f"pulumi_groq_{name}", documentation, value)
        yield CounterMetricFamily(
            "pulumi_groq_bank_calls", "Calls to the bank of shared money.", self._service.bank_calls
        )
