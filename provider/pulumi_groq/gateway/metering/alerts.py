"""Fires each threshold of the spending policy once a UTC month."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from pulumi_groq.gateway.metering.alert_delivery import AlertDeliveries
from pulumi_groq.gateway.metering.announcements import of_threshold
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.usage import FiredAlerts, UsageInMemory
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.alerts import Alert, insert_alert
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.fields import json_number, usd
from pulumi_groq.policy.windows import last_month, month_of

_log = logging.getLogger(__name__)


class SpendAlerts:
    """Compares settled spend with the thresholds, off the hot path. A policy change counts at once."""

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        usage: UsageInMemory,
        fired: FiredAlerts,
        deliveries: AlertDeliveries,
        clock: Clock,
        events: MeteringEvents,
    ) -> None:
        self._store = store
        self._directory = directory
        self._usage = usage
        self._fired = fired
        self._deliveries = deliveries
        self._clock = clock
        self._events = events
        self._seen: dict[str, int] = {}

    async def check(self) -> None:
        """Fire what is due: first a row in the store, then the log line and the webhooks.

        Raises `StoreUnavailableError`: nothing has fired, and the next call tries again.
        """
        now = self._clock.now()
        month = month_of(now)
        spent = {each: self._usage.spent_in(each) for each in (last_month(month), month)}
        due = self._due(now, spent)
        if due:
            await self._fire(due)
        self._seen = spent

    async def _fire(self, due: Sequence[Alert]) -> None:
        for alert, fired in await asyncio.to_thread(self._written, due):
            self._fired.add(fired or alert)
            if fired is not None:  # at another gateway
                continue
            _log.warning(
                "spend alert: %s USD spent in %s; the threshold of %s USD is reached (cap %s USD)",
                json_number(usd(alert.spent_micro_usd)),
                alert.month,
                json_number(usd(alert.threshold_micro_usd)),
                json_number(usd(alert.cap_micro_usd)),
            )
            self._events.alert_fired(alert.threshold_micro_usd)
            self._deliveries.start(of_threshold(alert))

    def _due(self, now: datetime, spent: Mapping[str, int]) -> list[Alert]:
        """Of the month, and of the last one what its last requests and batches have reached since the last
        look: a threshold that is set now was not one of it.
        """
        organisation = self._directory.organisation
        if organisation is None:
            return []
        cap, month = organisation.cap_micro_usd, month_of(now)
        refused = self._usage.cap_has_refused(now, cap)
        return [
            Alert(each, threshold, amount, cap, now)
            for each, amount in spent.items()
            for threshold in organisation.alert_thresholds_micro_usd
            if threshold <= (max(amount, cap) if refused and each == month else amount)
            and (each == month or threshold > self._seen.get(each, amount))
            and (each, threshold) not in self._fired
        ]

    def _written(self, alerts: Sequence[Alert]) -> Sequence[tuple[Alert, Alert | None]]:
        with self._store.write() as connection:
            return [(alert, insert_alert(connection, alert)) for alert in alerts]
