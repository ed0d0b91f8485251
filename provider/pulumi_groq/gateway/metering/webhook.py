"""Alerts as signed webhooks, in the form of the Standard Webhooks specification (standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from pulumi_groq.gateway.store.alerts import Alert
from pulumi_groq.models.fields import json_number, usd, wire_time

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


def alert_body(alert: Alert) -> bytes:
    """The JSON body. `text` is for chat services that show a field of this name."""
    threshold, spent, cap = (
        json_number(usd(amount))
        for amount in (alert.threshold_micro_usd, alert.spent_micro_usd, alert.cap_micro_usd)
    )
    return json.dumps(
        {
            "type": "spend.threshold_reached",
            "timestamp": wire_time(alert.sent_at),
            "text": f"Groq spend in {alert.month}: ${spent} of ${cap}; the alert at ${threshold} is reached.",
            "data": {
                "month": alert.month,
                "threshold_usd": threshold,
                "spent_usd": spent,
                "monthly_cap_usd": cap,
            },
        },
        separators=(",", ":"),
    ).encode()


def alert_headers(alert: Alert, body: bytes, secret: str | None, now: datetime) -> dict[str, str]:
    """Headers of one attempt. `webhook-id` is the same in every attempt: receivers drop repeats by it.

    With a secret, `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 over
    `{webhook-id}.{webhook-timestamp}.{body}`; `webhook-timestamp` is Unix seconds of the attempt.
    """
    message_id = f"alert_{alert.month}_{alert.threshold_micro_usd}"
    timestamp = str(int(now.timestamp()))
    headers = {"content-type": "application/json", ID_HEADER: message_id, TIMESTAMP_HEADER: timestamp}
    if secret is not None:
        signed = b".".join((message_id.encode(), timestamp.encode(), body))
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
