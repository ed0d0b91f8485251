"""Counts in the ledger what is refused before the metering sees it, such as another team's model."""

from pulumi_groq.gateway.inference.record import CLIENT_CLOSED, RequestRecord
from pulumi_groq.gateway.metering.ledger import Ledger
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.ledger import DeniedRequests
from pulumi_groq.policy.spend import day_of


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
