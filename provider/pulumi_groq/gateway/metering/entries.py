"""What is booked of a request: its reservation, its settlement, and both as a row of the ledger."""

import json
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from typing import Literal, NamedTuple

from pulumi_groq.gateway.store.ledger import LedgerRecord

Outcome = Literal["settled", "expired", "interrupted"]
"""`expired`: nobody settled it in time; `interrupted`: the process ended first. Both cost the reservation."""


class Reservation(NamedTuple):
    """A request that was admitted at `started_s` (Unix seconds), and the most it may cost."""

    request_id: str
    key_id: str
    lineage_id: str
    team: str | None
    model: str
    cost_micro_usd: int
    started_s: float

    @property
    def started_at(self) -> datetime:
        """When it was admitted, UTC."""
        return datetime.fromtimestamp(self.started_s, UTC)


class Settlement(NamedTuple):
    """What became of a request, at `settled_s` (Unix seconds); `status` is the HTTP status, 0 for none."""

    request_id: str
    outcome: Outcome
    status: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int
    settled_s: float


class LedgerRow(NamedTuple):
    """A request that is over. It is booked on the day and in the month in which it was admitted."""

    reservation: Reservation
    settlement: Settlement

    def record(self) -> LedgerRecord:
        """As the store keeps it."""
        request_id, key_id, lineage_id, team, model, _, started_s = self.reservation
        _, outcome, status, prompt, cached, completion, cost_micro_usd, settled_s = self.settlement
        return LedgerRecord(
            request_id,
            key_id,
            lineage_id,
            team,
            model,
            outcome,
            status,
            prompt,
            cached,
            completion,
            cost_micro_usd,
            round(started_s * 1_000_000),
            round(settled_s * 1_000_000),
        )


def charged_as_reserved(reservation: Reservation, outcome: Outcome, at_s: float) -> LedgerRow:
    """The row of a request whose use will never be known: it costs what was reserved."""
    return LedgerRow(
        reservation,
        Settlement(reservation.request_id, outcome, 0, 0, 0, 0, reservation.cost_micro_usd, at_s),
    )


def reservation_line(reservation: Reservation) -> bytes:
    """The reservation as a line of the journal."""
    request_id, key_id, lineage_id, team, model, cost_micro_usd, started_s = reservation
    in_team = "null" if team is None else _quoted(team)
    # Put together by hand: this is on the path of every request, and takes half the time of json.dumps.
    return (
        f'["r",{_quoted(request_id)},{_quoted(key_id)},{_quoted(lineage_id)},{in_team},{_quoted(model)},'
        f"{cost_micro_usd},{started_s!r}]\n"
    ).encode()


def settlement_line(settlement: Settlement) -> bytes:
    """The settlement as a line of the journal."""
    request_id, outcome, status, prompt, cached, completion, cost_micro_usd, settled_s = settlement
    return (
        f'["s",{_quoted(request_id)},"{outcome}",{status},{prompt},{cached},{completion},'
        f"{cost_micro_usd},{settled_s!r}]\n"
    ).encode()


def parsed_line(line: bytes) -> Reservation | Settlement | None:
    """A line of the journal; `None` for one that a crash cut off or that is damaged."""
    try:
        kind, *fields = json.loads(line)
        return Reservation(*fields) if kind == "r" else Settlement(*fields)
    except (ValueError, TypeError):
        return None
