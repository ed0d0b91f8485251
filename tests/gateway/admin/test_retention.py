"""Sealed answers end after 24 hours on a gateway that nobody asks for keys."""

from datetime import timedelta

import pytest

from admin_plane import Api
from pulumi_groq.gateway.admin.retention import Retention
from pulumi_groq.gateway.store.schema import idempotency


@pytest.mark.parametrize(("hours", "left"), [(23.75, 1), (24, 0)])
def test_an_answer_is_dropped_in_the_round_after_24_hours(api: Api, hours: float, left: int) -> None:
    """Not before: a lost answer may be asked for until then."""
    api.create(idempotency_key="one")
    api.clock.advance(hours=hours)

    Retention(api.store, api.clock, timedelta(days=365))()

    with api.store.read() as connection:
        rows = connection.execute(idempotency.select()).all()
    assert len(rows) == 1
    assert sum(row.sealed_answer is not None for row in rows) == left
