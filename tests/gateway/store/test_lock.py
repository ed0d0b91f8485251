"""One process has a store, whatever becomes of the file that it locks."""

import fcntl
from pathlib import Path
from typing import Any

import pytest

from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.lock import StoreLock


def test_a_file_that_is_withdrawn_before_it_is_locked_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited at the old file takes the new one, so that the next process finds it held."""
    former, flock = StoreLock(tmp_path / "gateway.db"), fcntl.flock
    opened: list[Any] = []

    def withdrawn_first(file: Any, operation: int) -> None:
        if not opened:
            opened.append(file)
            former.withdraw()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", withdrawn_first)
    held = StoreLock(tmp_path / "gateway.db")
    with pytest.raises(StoreOpenError, match="another gateway is using"):
        StoreLock(tmp_path / "gateway.db")
    held.release()
