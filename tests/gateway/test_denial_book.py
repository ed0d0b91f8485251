"""Refusals that the metering never sees are counted by day too."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.metrics import DenialBook
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.ledger import DeniedRequests


class Noon(Clock):
    """Stands still."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 12, tzinfo=UTC)


class Counted:
    """A ledger that only notes denials."""

    def __init__(self) -> None:
        self.denied: list[DeniedRequests] = []

    def deny(self, denied: DeniedRequests) -> None:
        self.denied.append(denied)


REFUSED: dict[str, Any] = {"key_id": "key_01a", "status": 403, "reason": "model_not_available"}


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, True),
        ({"model": "llama-3.1-8b-instant"}, False),  # refused by the metering, which counts it itself
        ({"reason": ""}, False),  # served
        ({"key_id": ""}, False),  # nobody's
        ({"status": 499, "reason": "client_gone"}, False),  # not refused
    ],
)
def test_each_refusal_is_counted_once(changes: dict[str, Any], counted: bool) -> None:
    """What a caller named as a model is not kept: it could be anything."""
    ledger = Counted()
    book = DenialBook(ledger, Noon())  # type: ignore[arg-type]  # all that it uses of a ledger
    book.observe(RequestRecord("req_1", **REFUSED | changes))
    expected = [DeniedRequests("2026-11-23", "key_01a", "", "model_not_available")] if counted else []
    assert ledger.denied == expected
