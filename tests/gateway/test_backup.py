"""A backup holds all that was acknowledged before it, also while a gateway serves; it comes back whole."""

import asyncio
import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from pulumi_groq.gateway import backup as backups
from pulumi_groq.gateway.clock import SystemClock
from pulumi_groq.gateway.health import Background, Health
from pulumi_groq.gateway.metering.opening import MeteringSettings, open_metering
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses, WebhookSender
from pulumi_groq.gateway.metrics import GatewayMetrics
from pulumi_groq.gateway.store.batches import BatchRecord, insert_batch
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.store import Store, open_store
from pulumi_groq.policy.access import KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.limits import Consumption, Demand

KEY = KeyAccess("key_01a", "k", "key_01a", None, frozenset(), Limits(), None, None, False)
BACKUPS = 4
MORE_BEFORE_EACH = 200


def back_up(store_url: str, destination: Path) -> None:
    backups.back_up(store_url, destination, lambda *_: None, lambda: None)


def restore(backup: Path, store_url: str, *, replace: bool) -> int:
    return backups.restore(backup, store_url, replace=replace, told=lambda *_: None, placing=lambda: None)


class NoPolicy:
    """A directory without a spending policy."""

    organisation: OrganisationPolicy | None = None

    def find(self, key_hash: bytes) -> KeyAccess | None:
        return None


def service_on(store: Store, database: Path, segment_bytes: int = 20_000) -> MeteringService:
    metrics = GatewayMetrics()
    return open_metering(
        store=store,
        journal_directory=database.with_name(database.name + ".journal"),
        directory=NoPolicy(),
        clock=SystemClock(),
        events=metrics,
        background=Background(Health(metrics)),
        sender=WebhookSender(WebhookAddresses()),
        random=Random(1),  # noqa: S311 (jitter, no secret)
        settings=MeteringSettings(journal_segment_bytes=segment_bytes),
    )


def costs(backup: Path) -> dict[str, tuple[str, int]]:
    connection = sqlite3.connect(backup)
    rows = connection.execute("SELECT request_id, outcome, cost_micro_usd FROM ledger").fetchall()
    (total,) = connection.execute("SELECT coalesce(sum(cost_micro_usd), 0) FROM usage_by_day").fetchone()
    connection.close()
    assert total == sum(cost for _, _, cost in rows)
    return {request_id: (outcome, cost) for request_id, outcome, cost in rows}


def test_a_backup_under_load_holds_all_that_was_acknowledged_before(tmp_path: Path) -> None:
    """To the row and its cost, while segments turn and rows go to the store; each is a store to start on."""
    database = tmp_path / "gateway.db"
    url = f"sqlite:///{database}"
    store = open_store(url)
    settled: dict[str, int] = {}
    before: list[dict[str, int]] = []

    async def scenario() -> None:
        service = service_on(store, database)
        ended, enough = asyncio.Event(), asyncio.Event()
        numbers = iter(range(10**9))

        async def client(random: Random) -> None:
            while not ended.is_set():
                request_id, cost = f"req_{next(numbers):09d}", random.randrange(100, 1000)
                reservation = await service.metering.admit(KEY, Demand("m", 10, cost), request_id)
                assert isinstance(reservation, Reservation)
                await asyncio.sleep(0)
                used = random.randrange(cost)
                await service.metering.settle(reservation, Consumption(5, 0, 5, used), 200)
                settled[request_id] = used
                if len(settled) >= MORE_BEFORE_EACH * (len(before) + 1):
                    enough.set()

        async with service.serving():
            clients = [asyncio.create_task(client(Random(seed))) for seed in range(4)]  # noqa: S311
            for number in range(BACKUPS):
                await enough.wait()
                enough.clear()
                before.append(dict(settled))
                await asyncio.to_thread(back_up, url, tmp_path / f"backup-{number}.db")
            ended.set()
            await asyncio.gather(*clients)

    asyncio.run(scenario())
    store.close()

    for number, acknowledged in enumerate(before):
        found = costs(tmp_path / f"backup-{number}.db")
        assert {request_id: found[request_id][1] for request_id in acknowledged} == acknowledged
        assert sum(outcome == "interrupted" for outcome, _ in found.values()) <= 4
    assert {path.name for path in tmp_path.iterdir() if "backup" in path.name} == {
        f"backup-{number}.db" for number in range(BACKUPS)
    }


def written(tmp_path: Path, *, settled: bool = True) -> tuple[Path, str]:
    """A store with one request in its journal, closed."""
    database = tmp_path / "gateway.db"
    url = f"sqlite:///{database}"
    store = open_store(url)
    database.with_name("gateway.db.secret").write_text("the server's secret")

    async def scenario() -> None:
        service = service_on(store, database)
        reservation = await service.metering.admit(KEY, Demand("m", 10, 10), "req_1")
        assert isinstance(reservation, Reservation)
        if settled:
            await service.metering.settle(reservation, Consumption(5, 0, 5, 7), 200)
        service.ledger.close()

    asyncio.run(scenario())
    store.close()
    return database, url


def test_a_backup_is_one_private_file_and_the_secret(tmp_path: Path) -> None:
    """With what only the journal held; the store that it was made of is as it was."""
    database, url = written(tmp_path)
    back_up(url, tmp_path / "backup.db")

    assert costs(tmp_path / "backup.db") == {"req_1": ("settled", 7)}
    assert (tmp_path / "backup.db.secret").read_text() == "the server's secret"
    names = {path.name for path in tmp_path.iterdir() if path.name.startswith(("backup", "."))}
    assert names == {"backup.db", "backup.db.secret"}
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in names} == {0o600}
    assert costs(database) == {}


def test_a_batch_is_not_charged_by_a_backup(tmp_path: Path) -> None:
    """Its reservation goes on in the backup, as it does in the store: charged here, it would count twice."""
    database, url = written(tmp_path, settled=False)
    store = open_store(url)
    batch = BatchRecord("req_1", "batch_1", KEY.key_id, KEY.lineage_id, None, "file_1", {}, {"m": 10}, {}, 0)
    with store.write() as connection:
        insert_batch(connection, batch)
    store.close()
    back_up(url, tmp_path / "backup.db")

    assert costs(tmp_path / "backup.db") == {"req_1": ("settled", 0)}
    assert costs(database) == {}


def test_a_restored_store_is_served_and_knows_what_came_after(tmp_path: Path) -> None:
    """Its journal stays: what was spent after the backup is booked, and nothing twice."""
    database, url = written(tmp_path)
    back_up(url, tmp_path / "backup.db")
    database.write_bytes(b"\xa5" * 50_000)
    with pytest.raises(StoreOpenError, match="restore"):
        open_store(url)

    assert restore(tmp_path / "backup.db", url, replace=True) == 1
    store = open_store(url)
    service = service_on(store, database)
    assert service.usage.month_spend_micro_usd(SystemClock().now()) == 7
    service.ledger.close()
    store.close()


def test_a_backup_starts_a_store_elsewhere(tmp_path: Path) -> None:
    """With its secret, for its owner only."""
    _, url = written(tmp_path)
    back_up(url, tmp_path / "backup.db")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert restore(tmp_path / "backup.db", f"sqlite:///{elsewhere}/g.db", replace=False) == 0
    assert costs(elsewhere / "g.db") == {"req_1": ("settled", 7)}
    assert (elsewhere / "g.db.secret").read_text() == "the server's secret"
    assert {path.stat().st_mode & 0o777 for path in elsewhere.iterdir()} == {0o600}
    open_store(f"sqlite:///{elsewhere}/g.db").close()


def test_an_older_backup_is_no_loss_of_writes(tmp_path: Path) -> None:
    """Whoever restores it has decided: the store starts without --accept-older-store."""
    database, url = written(tmp_path)
    back_up(url, tmp_path / "backup.db")
    store = open_store(url)
    for _ in range(5):
        with store.write():
            pass
    store.close()
    restore(tmp_path / "backup.db", url, replace=True)

    open_store(url).close()
    assert database.exists()


def test_a_store_that_root_restores_is_the_gateways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it belongs to whoever has its folder, as under systemd: the gateway would not start. A backup
    does not: that folder may be anybody's.
    """
    given: dict[str, tuple[int, int]] = {}
    former, backup, place = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    for folder in (former, backup, place):
        folder.mkdir()
    open_store(f"sqlite:///{former}/gateway.db").close()
    (former / "gateway.db.secret").write_text("secret")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.chown", lambda path, *ids: given.update({str(path): ids}))
    back_up(f"sqlite:///{former}/gateway.db", backup / "gateway.db")
    restore(backup / "gateway.db", f"sqlite:///{place}/gateway.db", replace=False)
    owner = place.stat()
    assert {path: given.get(str(path)) for path in place.iterdir()} == dict.fromkeys(
        place.iterdir(), (owner.st_uid, owner.st_gid)
    )
    assert not any(path.startswith(f"{backup}/gateway") for path in given)


def test_nothing_is_overwritten_or_taken_from_a_gateway(tmp_path: Path) -> None:
    """Each refusal is one line, and leaves everything as it is."""
    database, url = written(tmp_path)
    back_up(url, tmp_path / "backup.db")
    content = (tmp_path / "backup.db").read_bytes()
    with pytest.raises(StoreOpenError, match=r"backup\.db exists"):
        back_up(url, tmp_path / "backup.db")
    with pytest.raises(StoreOpenError, match="--replace"):
        restore(tmp_path / "backup.db", url, replace=False)
    store = open_store(url)
    with pytest.raises(StoreOpenError, match="another gateway is using"):
        restore(tmp_path / "backup.db", url, replace=True)
    store.close()

    assert (tmp_path / "backup.db").read_bytes() == content
    assert database.exists()


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:16384] = b"\xa5" * 8192
    path.write_bytes(content)


def test_a_damaged_backup_replaces_nothing(tmp_path: Path) -> None:
    """It is looked through first."""
    database, url = written(tmp_path)
    back_up(url, tmp_path / "backup.db")
    damaged(tmp_path / "backup.db")
    before = database.read_bytes()
    with pytest.raises(StoreOpenError, match=r"damaged|malformed"):
        restore(tmp_path / "backup.db", url, replace=True)

    assert database.read_bytes() == before


def test_a_refused_restore_leaves_nothing_behind(tmp_path: Path) -> None:
    """A lock beside no store would make whoever finds it look for a gateway."""
    _, url = written(tmp_path)
    back_up(url, tmp_path / "backup.db")
    damaged(tmp_path / "backup.db")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(StoreOpenError, match=r"damaged|malformed"):
        restore(tmp_path / "backup.db", f"sqlite:///{elsewhere / 'gateway.db'}", replace=False)

    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("what", ["damaged", "missing", "no database", "another database"])
def test_what_is_no_whole_store_makes_no_backup(tmp_path: Path, what: str) -> None:
    """A backup that nobody can restore is worse than none."""
    database, url = written(tmp_path)
    if what == "damaged":
        damaged(database)
    elif what == "missing":
        database.unlink()
    elif what == "no database":
        database.write_bytes(b"something else " * 1000)
    else:
        database.unlink()
        connection = sqlite3.connect(database)
        connection.execute("CREATE TABLE mine (a)")
        connection.close()
    with pytest.raises(StoreOpenError):
        back_up(url, tmp_path / "backup.db")

    assert not (tmp_path / "backup.db").exists()


def test_a_store_without_its_log_makes_no_backup(tmp_path: Path) -> None:
    """It would pass for a whole one later, when nothing can be done any more."""
    database, url = written(tmp_path)
    older = tmp_path / "older.db"
    shutil.copy(database, older)
    store = open_store(url)
    with store.write():
        pass
    store.close()
    shutil.copy(older, database)
    with pytest.raises(StoreOpenError, match="write-ahead log is missing"):
        back_up(url, tmp_path / "backup.db")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """For both commands."""
    _, url = written(tmp_path)
    with pytest.raises(StoreOpenError, match="cannot write the backup"):
        back_up(url, tmp_path / "missing" / "backup.db")
    back_up(url, tmp_path / "backup.db")
    with pytest.raises(StoreOpenError, match="does not exist"):
        restore(tmp_path / "backup.db", f"sqlite:///{tmp_path}/missing/g.db", replace=False)
