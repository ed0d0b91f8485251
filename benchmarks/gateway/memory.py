"""The gateway's resident memory and start-up time with many keys, written into its store directly."""

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import servers
from sqlalchemy import insert

from pulumi_groq.gateway.store.schema import api_keys
from pulumi_groq.gateway.store.store import open_store

KEYS = (0, 10_000, 100_000)
MODELS = ["openai/gpt-oss-20b", "openai/gpt-oss-120b"]
MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)


def table(folder: Path, upstream_port: int) -> Iterator[str]:
    """One row for each number of keys."""
    yield "\n### Memory by number of keys\n"
    yield "| keys | resident MiB | ready after s |"
    yield "|---:|---:|---:|"
    for count in KEYS:
        store = folder / f"keys-{count}.db"
        _fill(store, count)
        started = time.monotonic()
        server = servers.ours(folder, upstream_port, store)
        took_s = time.monotonic() - started
        try:
            yield f"| {count:,} | {server.memory_mib():.0f} | {took_s:.1f} |"
        finally:
            server.stop()


def _fill(path: Path, count: int) -> None:
    store = open_store(f"sqlite:///{path}")
    try:
        with store.write() as connection:
            if count:
                connection.execute(insert(api_keys), [_row(number) for number in range(count)])
    finally:
        store.close()


def _row(number: int) -> dict[str, object]:
    key_id = f"key_01{number:024d}"
    return {
        "id": key_id,
        "key_hash": hashlib.sha256(key_id.encode()).digest(),
        "last_four": f"{number % 10_000:04d}",
        "name": f"service-{number}",
        "lineage_id": key_id,
        "generation": 1,
        "allowed_models": MODELS,
        "requests_per_minute": 100,
        "tokens_per_minute": 100_000,
        "monthly_budget_micro_usd": 10_000_000 + number,
        "metadata": {},
        "disabled": False,
        "created_at": MADE_AT,
        "updated_at": MADE_AT,
    }
