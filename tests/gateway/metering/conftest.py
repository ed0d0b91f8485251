"""Fixtures of the metering: keys, and a bench on a store of the test's own."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import empty_store
from key_factory import MakeKey
from metering_bench import Bench
from pulumi_groq.policy.access import KeyAccess, Limits
from pulumi_groq.policy.runaway import RunawayLimit


@pytest.fixture
def make_key() -> MakeKey:
    """A key; by default of a lineage of its own and without limits."""

    def make(
        key_id: str = "key_01a",
        *,
        lineage_id: str = "",
        budget: int | None = None,
        runaway: RunawayLimit | None = None,
        **limits: int | None,
    ) -> KeyAccess:
        return KeyAccess(
            key_id=key_id,
            name="chatbot",
            lineage_id=lineage_id or key_id,
            team="chat",
            models=frozenset({"openai/gpt-oss-20b"}),
            limits=Limits(**limits),
            monthly_budget_micro_usd=budget,
            expires_at=None,
            disabled=False,
            runaway=runaway,
        )

    return make


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A store on disk and everything around it."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    store = empty_store.open_at(tmp_path / "gateway.db")
    made = Bench(store, tmp_path / "gateway.db.journal")
    yield made
    made.close()
    made.store.close()
