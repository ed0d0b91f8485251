"""Tells every webhook URL of an alert, with retries that go on after a restart."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final
from urllib.parse import urlsplit

from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.fired_alerts import FiredAlerts
from pulumi_groq.gateway.metering.webhook import (
    AlertSender,
    NotDeliveredError,
    WebhookAnswer,
    alert_body,
    alert_headers,
)
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.alerts import (
    Alert,
    Delivery,
    DeliveryOutcome,
    insert_delivery,
    is_done,
)
from pulumi_groq.gateway.store.store import Store

RESUMED_FOR: Final = timedelta(hours=24)
ALERT_DELIVERIES: Final = "alert deliveries"
_GONE: Final = 410

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Delays double from `first_s` up to `largest_s`, each shortened by up to half at random."""

    attempts: int = 12
    first_s: float = 1.0
    largest_s: float = 300.0

    def delay_s(self, attempt: int, random: Random) -> float:
        """How long to wait after this attempt (from 1)."""
        return min(self.largest_s, self.first_s * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)


class AlertDeliveries:
    """One task for each alert and URL. URLs may hold tokens: logs name the host only."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        fired: FiredAlerts,
        sender: AlertSender,
        clock: Clock,
        events: MeteringEvents,
        background: Background,
        random: Random,
        sleep: Callable[[float], Awaitable[None]],
        schedule: RetrySchedule,
    ) -> None:
        self._store = store
        self._directory = directory
        self._fired = fired
        self._sender = sender
        self._clock = clock
        self._events = events
        self._random = random
        self._sleep = sleep
        self._schedule = schedule
        self._background = background

    def start(self, alert: Alert) -> None:
        """Tell every URL of the policy; returns at once."""
        organisation = self._directory.organisation
        for url in organisation.alert_webhook_urls if organisation is not None else ():
            self._background.once(ALERT_DELIVERIES, self._deliver(alert, url))

    def resume(self) -> None:
        """Go on with the unfinished deliveries of the last 24 hours."""
        since = self._clock.now() - RESUMED_FOR
        for alert in self._fired.all():
            if alert.sent_at >= since:
                self.start(alert)

    async def close(self) -> None:
        """Send no more; unfinished deliveries go on after the next start."""
        await self._sender.close()

    async def _deliver(self, alert: Alert, url: str) -> None:
        # Where the store fails nothing is remembered, so the next start tries again; the receiver knows
        # repeats by their id.
        if not await asyncio.to_thread(self._is_done, alert, url):
            await self._attempt_until_done(alert, url)

    async def _attempt_until_done(self, alert: Alert, url: str) -> None:
        body = alert_body(alert)
        for attempt in range(1, self._schedule.attempts + 1):
            organisation = self._directory.organisation
            if organisation is None or url not in organisation.alert_webhook_urls:
                return
            secret = organisation.alert_webhook_signing_secret
            answer = await self._post(url, body, alert_headers(alert, body, secret, self._clock.now()))
            if 200 <= answer.status < 300:
                await self._end(alert, url, "delivered", attempt)
                return
            if answer.status == _GONE or attempt == self._schedule.attempts:
                await self._end(alert, url, "given_up", attempt)
                return
            await self._sleep(max(self._schedule.delay_s(attempt, self._random), answer.retry_after_s))

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> WebhookAnswer:
        try:
            answer = await self._sender.post(url, body, headers)
        except NotDeliveredError as failure:
            _log.warning("spend alert not delivered to %s: %s", urlsplit(url).hostname, failure)
            return WebhookAnswer(0)
        if not 200 <= answer.status < 300:
            _log.warning("spend alert not accepted by %s: HTTP %d", urlsplit(url).hostname, answer.status)
        return answer

    async def _end(self, alert: Alert, url: str, outcome: DeliveryOutcome, attempts: int) -> None:
        await asyncio.to_thread(self._remember, Delivery(alert, url, outcome, attempts, self._clock.now()))
        self._events.alert_delivery(outcome)

    def _is_done(self, alert: Alert, url: str) -> bool:
        with self._store.read() as connection:
            return is_done(connection, alert, url)

    def _remember(self, delivery: Delivery) -> None:
        with self._store.write() as connection:
            insert_delivery(connection, delivery)
