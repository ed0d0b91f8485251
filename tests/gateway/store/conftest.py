"""Stores in a folder of the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pulumi_groq.gateway.store.store import Store, open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the store of this test is."""
    return tmp_path / "gateway.db"


@pytest.fixture
def open_database(database: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store of this test; closed at its end, or by `close` before."""
    with ExitStack() as opened:

        def open_it() -> Store:
            store = open_store(f"sqlite:///{database}")
            opened.callback(store.close)
            return store

        yield open_it
