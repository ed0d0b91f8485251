"""`/readyz`: whether what is spent can be booked, and why not."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pulumi_groq.gateway.health import Health, Readyz
from pulumi_groq.gateway.store.errors import StoreFullError
from pulumi_groq.gateway.store.store import Store, open_store


class Uncounted:
    """Nobody counts failures here."""

    def part_failed(self, part: str) -> None:
        return


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that answers until it is closed."""
    return open_store(f"sqlite:///{tmp_path}/gateway.db")


def ask(store: Store, health: Health, set_aside: int = 0) -> tuple[int, Any]:
    answer = TestClient(Readyz(store, health, lambda: set_aside)).get("/readyz")
    return answer.status_code, answer.json()


def test_it_says_how_much_waits_for_a_decision(store: Store) -> None:
    """Ready all the same: what is set aside holds up nothing."""
    status, body = ask(store, Health(Uncounted()), 3)
    store.close()

    assert (status, body) == (200, {"status": "ok", "set_aside": 3})


def test_it_fails_with_a_reason_while_a_part_does(store: Store) -> None:
    """And is ready again with it."""
    health = Health(Uncounted())
    health.failed("ledger", StoreFullError("database or disk is full"))
    failing = ask(store, health)
    health.works("ledger")
    ready = ask(store, health)
    store.close()

    assert failing == (503, {"status": "failing", "failing": {"ledger": "database or disk is full"}})
    assert ready[0] == 200


def test_it_fails_while_the_store_does(store: Store, tmp_path: Path) -> None:
    """Asked at each call, so that nothing has to be written for it to be known."""
    store.close()
    (tmp_path / "gateway.db").write_bytes(b"no database " * 1000)
    status, body = ask(store, Health(Uncounted()))
    store.close()

    assert status == 503
    assert body == {
        "status": "store_unavailable",
        "failing": {"store": "file is not a database"},
    }
