"""What Prometheus reads at `/metrics`. Labels are bounded: nothing that a caller writes becomes one.

Routes and reasons are the gateway's own words, models those of the catalogue that a key may use,
statuses HTTP's. Keys are labelled by id, never by name or value, and only in the counters of use;
their number is bounded by the keys that exist. `key_labels=False` leaves them out.

What is refused before the metering sees it is counted in the ledger, too.
"""

from typing import Final, get_args

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest

from pulumi_groq.gateway.collectors import FastCounter, FastHistogram
from pulumi_groq.gateway.counters.protocol import WhenDown
from pulumi_groq.gateway.http.asgi import Receive, Scope, Send
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED, Disbelief, RequestRecord
from pulumi_groq.gateway.metering.ledger import Ledger
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.alerts import DeliveryOutcome
from pulumi_groq.gateway.store.ledger import DeniedRequests
from pulumi_groq.models.budgets import Per
from pulumi_groq.models.runaway import RunawayAction
from pulumi_groq.policy.windows import day_of

UPSTREAM_BUCKETS_S: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
WATCHED_REASONS: Final = (
    "store_unavailable",
    *(
        f"{limit}{'' if per == 'month' else f'_{per}'}"
        for limit in ("cap", "budget", "team_budget", "model_budget")
        for per in get_args(Per)
    ),
)
"""The refusals that alert rules look for: by spending, and by a store that is out."""
ADDED_BUCKETS_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)


class GatewayMetrics:
    """The gateway's metrics, in a registry of their own. An ASGI application that answers with them,
    and the `MeteringEvents` of the metering.
    """

    def __init__(self, *, key_labels: bool = True) -> None:
        self._key_labels = key_labels
        self.registry = CollectorRegistry()
        self._requests = FastCounter(
            "pulumi_groq_requests",
            "Inference requests, by what was answered.",
            ("route", "model", "status"),
            registry=self.registry,
        )
        self._denials = Counter(
            "pulumi_groq_denials",
            "Requests that the gateway refused or broke off, by reason.",
            ("reason",),
            registry=self.registry,
        )
        for reason in WATCHED_REASONS:
            self._denials.labels(reason)  # there from the start, so that its first increase shows
        self._tokens = FastCounter(
            "pulumi_groq_tokens",
            "Tokens charged; cached ones are not among the prompt's.",
            ("key_id", "model", "kind"),
            registry=self.registry,
        )
        self._cost = FastCounter(
            "pulumi_groq_cost_micro_usd",
            "Cost charged, in micro-dollars.",
            ("key_id", "model"),
            registry=self.registry,
        )
        self._admin_refusals = Counter(
            "pulumi_groq_admin_refusals",
            "Requests of the admin plane that were refused for who made them, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._disbelieved = FastCounter(
            "pulumi_groq_disbelieved_usages",
            "Answers whose stated usage was not believed, and which were charged as reserved.",
            ("reason",),
            registry=self.registry,
        )
        for reason in get_args(Disbelief):
            self._disbelieved.counts[reason,] += 0  # as above
        self._upstream = FastHistogram(
            "pulumi_groq_upstream_seconds",
            "From sending a request upstream to the head of its answer.",
            ("model",),
            bounds=UPSTREAM_BUCKETS_S,
            registry=self.registry,
        )
        self._added = FastHistogram(
            "pulumi_groq_added_seconds",
            "What the gateway itself adds before a request goes upstream.",
            bounds=ADDED_BUCKETS_S,
            registry=self.registry,
        ).of()
        self._alerts = Counter("pulumi_groq_alerts", "Spending thresholds reached.", registry=self.registry)
        self._deliveries = Counter(
            "pulumi_groq_alert_deliveries",
            "Alert webhooks, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in get_args(DeliveryOutcome):
            self._deliveries.labels(outcome)  # as above
        self._runaways = Counter(
            "pulumi_groq_runaways",
            "Keys that spent more than their guard allows, by what was done.",
            ("action",),
            registry=self.registry,
        )
        for action in get_args(RunawayAction):
            self._runaways.labels(action)  # as above
        self._exchanges = Counter(
            "pulumi_groq_token_exchanges",
            "Exchanges of issuers' tokens for credentials, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        self._expired = Counter(
            "pulumi_groq_expired_reservations",
            "Requests never settled and so charged as reserved.",
            registry=self.registry,
        )
        self._ledger_rows = Counter(
            "pulumi_groq_ledger_rows", "Requests written into the ledger.", registry=self.registry
        )
        self._ledger_failures = Counter(
            "pulumi_groq_ledger_failures",
            "Writes that the store or the journal did not take.",
            registry=self.registry,
        )
        self._set_aside = Counter(
            "pulumi_groq_set_aside",
            "Rows and lines that could not be booked and were set aside.",
            registry=self.registry,
        )
        self._journal_lines = Counter(
            "pulumi_groq_journal_damaged_lines",
            "Lines of the journal that were damaged, or cut off by a crash, found at the start.",
            ("kind",),
            registry=self.registry,
        )
        self._part_failures = Counter(
            "pulumi_groq_part_failures",
            "Failures of the gateway's own work, which is tried again; readyz fails meanwhile.",
            ("part",),
            registry=self.registry,
        )

        self._without_counters = Counter(
            "pulumi_groq_decisions_without_counters",
            "Requests decided while the shared counters could not be asked.",
            ("how",),
            registry=self.registry,
        )
        for how in get_args(WhenDown):
            self._without_counters.labels(how)  # as above

    def observe(self, record: RequestRecord) -> None:
        """Counts a request that is over."""
        self._requests.counts[record.route, record.model, record.status] += 1
        if record.reason:
            self._denials.labels(record.reason).inc()
        if record.disbelief is not None:
            self.disbelieved(record.disbelief)
        if record.cost_micro_usd or record.prompt_tokens:
            self._charge(record)
        if record.upstream_s is not None:
            self._upstream.of(record.model).observe(record.upstream_s)
            self._added.observe(record.added_s)

    def admin_refused(self, reason: str) -> None:
        """A caller of the admin plane was refused: no credential, not the role, or too often."""
        self._admin_refusals.labels(reason).inc()

    def disbelieved(self, why: Disbelief) -> None:
        """A usage that the upstream stated was not believed."""
        self._disbelieved.counts[why,] += 1

    def reservation_expired(self) -> None:
        """A request was not settled in time and was charged as reserved."""
        self._expired.inc()

    def ledger_written(self, rows: int) -> None:
        """Rows went from memory to the store."""
        self._ledger_rows.inc(rows)

    def ledger_failed(self) -> None:
        """The store or the journal refused a write."""
        self._ledger_failures.inc()

    def set_aside(self) -> None:
        """A row or line that cannot be booked was set aside."""
        self._set_aside.inc()

    def journal_damaged(self, lines: int, cut_off: int) -> None:
        """So many lines of the journal were damaged, and so many cut off at its end, at a start."""
        self._journal_lines.labels("damaged").inc(lines)
        self._journal_lines.labels("cut_off").inc(cut_off)

    def part_failed(self, part: str) -> None:
        """A part of the gateway failed; it is tried again."""
        self._part_failures.labels(part).inc()

    def decided_without_counters(self, how: WhenDown) -> None:
        """A request was held to this replica's own part of the limits, or denied."""
        self._without_counters.labels(how).inc()

    def alert_fired(self, threshold_micro_usd: int) -> None:  # noqa: ARG002  amounts are no labels
        """A threshold was reached."""
        self._alerts.inc()

    def runaway(self, action: RunawayAction) -> None:
        """A key spent more than its guard allows."""
        self._runaways.labels(action).inc()

    def token_exchanged(self, outcome: str) -> None:
        """A token was exchanged (`issued`), or not: the error of RFC 8693."""
        self._exchanges.labels(outcome).inc()

    def alert_delivery(self, outcome: DeliveryOutcome) -> None:
        """A URL received an alert, or was given up."""
        self._deliveries.labels(outcome).inc()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        body = generate_latest(self.registry)
        headers = [
            (b"content-type", CONTENT_TYPE_LATEST.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _charge(self, record: RequestRecord) -> None:
        key_id = record.key_id if self._key_labels else ""
        self._cost.counts[key_id, record.model] += record.cost_micro_usd
        for kind, tokens in (
            ("prompt", record.prompt_tokens - record.cached_tokens),
            ("cached", record.cached_tokens),
            ("completion", record.completion_tokens),
        ):
            if tokens:
                self._tokens.counts[key_id, record.model, kind] += tokens


class DenialBook:
    """An observer of the inference plane. The metering counts its own denials: those have a model."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def observe(self, record: RequestRecord) -> None:
        """Count a refused request of a known key; what the caller named as a model is not kept."""
        refused = record.reason and record.status != CLIENT_CLOSED
        if refused and record.key_id and not record.model:
            self._ledger.deny(DeniedRequests(day_of(self._clock.now()), record.key_id, "", record.reason))
