"""The server's secret beside the store."""

from pathlib import Path

import pytest

from pulumi_groq.gateway.server_secret import server_secret
from pulumi_groq.gateway.store.errors import StoreOpenError


def test_a_given_secret_is_used_and_not_written(tmp_path: Path) -> None:
    """It stays where the operator keeps it."""
    assert server_secret("given", tmp_path / "g.db") == "given"
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """Long, private, and the same at the next start."""
    made = [server_secret(None, tmp_path / "g.db") for _ in range(2)]
    (path,) = tmp_path.iterdir()
    assert made == [path.read_text()] * 2
    assert (len(made[0]) >= 43, path.stat().st_mode & 0o777) == (True, 0o600)


def test_each_store_has_its_own(tmp_path: Path) -> None:
    """Nothing is shared by accident."""
    assert server_secret(None, tmp_path / "a.db") != server_secret(None, tmp_path / "b.db")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_damaged_secret_is_not_replaced_silently(tmp_path: Path, content: bytes) -> None:
    """That would make every kept answer unreadable."""
    path = tmp_path / "g.db.secret"
    path.write_bytes(content)
    with pytest.raises(StoreOpenError, match=r"g\.db\.secret"):
        server_secret(None, tmp_path / "g.db")
    assert path.read_bytes() == content
