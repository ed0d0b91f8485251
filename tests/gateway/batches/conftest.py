"""Batches on a store of the test's own."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import empty_store
from batch_bench import MODEL, BatchBench
from metering_bench import Bench
from pulumi_groq.policy.access import KeyAccess, Limits


@pytest.fixture
def key() -> Callable[..., KeyAccess]:
    """Makes a key of the lineage of its name, by default without limits."""

    def make(name: str = "one", *, budget: int | None = None) -> KeyAccess:
        return KeyAccess(
            key_id=f"key_{name}",
            name=name,
            lineage_id=f"key_{name}",
            team=None,
            models=frozenset({MODEL, "openai/gpt-oss-120b"}),
            limits=Limits(),
            monthly_budget_micro_usd=budget,
            expires_at=None,
            disabled=False,
        )

    return make


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[BatchBench]:
    """Batches, not opened yet."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    store = empty_store.open_at(tmp_path / "gateway.db")
    metering = Bench(store, tmp_path / "gateway.db.journal")
    yield BatchBench(metering)
    metering.close()
    store.close()
