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


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, database: Path) -> str:
    """Where an empty store is, on each back end in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{database}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def open_any(store_url: str, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store of this test, on each back end in turn; closed at its end, or by `close` before."""
    data = tmp_path / "data" if store_url.startswith("postgresql") else None
    with ExitStack() as opened:

        def open_it() -> Store:
            store = open_store(store_url, data_directory=data)
            opened.callback(store.close)
            return store

        yield open_it
