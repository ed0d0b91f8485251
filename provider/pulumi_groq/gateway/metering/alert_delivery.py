"""Tells the organisation's URLs of alerts: what is sent, signed how, tried when."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.metering.announcements import Announcement
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.alerts import (
    Delivery,
    DeliveryOutcome,
    claim_alert,
    insert_delivery,
    is_done,
    sender_of,
)
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.policy.access import OrganisationPolicy

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
_ENCODED_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (the specification's marker, not a secret)


LONGEST_RETRY_AFTER_S: Final = 3600
"""A receiver that asks for more is tried again after an hour."""


class WebhookAnswer(NamedTuple):
    """The receiver's HTTP status, and for how many seconds it asks to be left alone; 0 if it does not."""

    status: int
    retry_after_s: int = 0


class NotDeliveredError(Exception):
    """The receiver could not be reached or did not answer."""


class AlertSender(Protocol):
    """Posts one webhook."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """What the receiver answers; redirects are not followed. Raises `NotDeliveredError`."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def alert_headers(announcement: Announcement, secret: str | None, now: datetime) -> dict[str, str]:
    """Headers of one attempt. `webhook-id` is the same in every attempt: receivers drop repeats by it.

    With a secret, `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 over
    `{webhook-id}.{webhook-timestamp}.{body}`; `webhook-timestamp` is Unix seconds of the attempt.
    """
    message_id = announcement.id
    timestamp = str(int(now.timestamp()))
    headers = {"content-type": "application/json", ID_HEADER: message_id, TIMESTAMP_HEADER: timestamp}
    if secret is not None:
        signed = b".".join((message_id.encode(), timestamp.encode(), announcement.body))
        digest = hmac.digest(_key(secret), signed, hashlib.sha256)
        headers[SIGNATURE_HEADER] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def retry_after_s(value: str | None) -> int:
    """The seconds of a `Retry-After` header, at most an hour; 0 for a date and whatever else is no number."""
    if value is None or not (value.isascii() and value.isdigit()):
        return 0
    return LONGEST_RETRY_AFTER_S if len(value) > 9 else min(int(value), LONGEST_RETRY_AFTER_S)


def _key(secret: str) -> bytes:
    """A secret of the specification's form, `whsec_<base64>`, is decoded; others are used as text."""
    if secret.startswith(_ENCODED_SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_ENCODED_SECRET_PREFIX), validate=True)
        except binascii.Error:
            pass  # not that form after all
    return secret.encode()


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
        self._sender = sender
        self._clock = clock
        self._events = events
        self._random = random
        self._sleep = sleep
        self._schedule = schedule
        self._background = background

    def start(self, announcement: Announcement) -> None:
        """Tell every URL of the policy; returns at once."""
        organisation = self._directory.organisation
        for url in organisation.alert_webhook_urls if organisation is not None else ():
            self._background.once(ALERT_DELIVERIES, self._deliver(announcement, url))

    def resume(self, announcements: Iterable[Announcement]) -> None:
        """Go on with the unfinished deliveries of the last 24 hours."""
        since = self._clock.now() - RESUMED_FOR
        for announcement in announcements:
            if announcement.at >= since:
                self.start(announcement)

    async def close(self) -> None:
        """Send no more; unfinished deliveries go on after the next start."""
        await self._sender.close()

    async def _deliver(self, announcement: Announcement, url: str) -> None:
        # Where the store fails nothing is remembered, so the next start tries again; the receiver knows
        # repeats by their id.
        if await asyncio.to_thread(self._is_done, announcement, url):
            return
        if await asyncio.to_thread(self._claims, announcement):
            await self._attempt_until_done(announcement, url)

    async def _attempt_until_done(self, announcement: Announcement, url: str) -> None:
        attempt = 0
        while (organisation := self._organisation_with(url)) is not None:
            if not await asyncio.to_thread(self._is_ours, announcement):
                return
            attempt += 1
            secret = organisation.alert_webhook_signing_secret
            headers = alert_headers(announcement, secret, self._clock.now())
            answer = await self._post(url, announcement.body, headers)
            if 200 <= answer.status < 300:
                await self._end(announcement, url, "delivered", attempt)
                return
            if answer.status == _GONE or attempt == self._schedule.attempts:
                await self._end(announcement, url, "given_up", attempt)
                return
            await self._sleep(max(self._schedule.delay_s(attempt, self._random), answer.retry_after_s))

    def _organisation_with(self, url: str) -> OrganisationPolicy | None:
        """The spending policy, as long as it names the URL."""
        organisation = self._directory.organisation
        return organisation if organisation is not None and url in organisation.alert_webhook_urls else None

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> WebhookAnswer:
        try:
            answer = await self._sender.post(url, body, headers)
        except NotDeliveredError as failure:
            _log.warning("alert not delivered to %s: %s", urlsplit(url).hostname, failure)
            return WebhookAnswer(0)
        if not 200 <= answer.status < 300:
            _log.warning("alert not accepted by %s: HTTP %d", urlsplit(url).hostname, answer.status)
        return answer

    async def _end(
        self, announcement: Announcement, url: str, outcome: DeliveryOutcome, attempts: int
    ) -> None:
        done = Delivery(announcement.id, url, outcome, attempts, self._clock.now())
        await asyncio.to_thread(self._remember, done)
        self._events.alert_delivery(outcome)

    def _claims(self, announcement: Announcement) -> bool:
        """Whether this gateway is to send it: no other one that lives does."""
        member = self._store.member
        if member is None:
            return True
        sender = member.holder.replica
        with self._store.write() as connection:
            return claim_alert(connection, announcement.id, sender, member.live, announcement.at)

    def _is_ours(self, announcement: Announcement) -> bool:
        """Whether no other gateway has taken it over."""
        own = self._store.replica
        if own is None:
            return True
        with self._store.read() as connection:
            return sender_of(connection, announcement.id) == own

    def _is_done(self, announcement: Announcement, url: str) -> bool:
        with self._store.read() as connection:
            return is_done(connection, announcement.id, url)

    def _remember(self, delivery: Delivery) -> None:
        with self._store.write() as connection:
            insert_delivery(connection, delivery)
