"""Lists of files and batches, page by page, however many there are."""

from collections.abc import Callable

from pulumi_groq.gateway.store.batches import (
    BatchRecord,
    FileRecord,
    batches_of,
    files_of,
    insert_batch,
    insert_file,
)
from pulumi_groq.gateway.store.store import Connection, Store

LIMIT = 3


def file(number: int, lineage_id: str = "mine") -> FileRecord:
    # Two of them were made in each second.
    return FileRecord(f"file_{lineage_id}_{number}", lineage_id, "in.jsonl", 1, "batch", {}, [], number // 2)


def batch(number: int, lineage_id: str = "mine") -> BatchRecord:
    upstream_id = None if number == 0 else f"batch_{lineage_id}_{number}"
    document = {"id": upstream_id, "metadata": {"any": "text: \ud800 \0"}}
    name = f"req_{lineage_id}_{number}"
    return BatchRecord(name, upstream_id, "k", lineage_id, None, "f", {}, {}, document, number // 2)


def pages(
    connection: Connection, read: Callable[..., list[FileRecord] | None], last_id: Callable[..., str | None]
) -> list[str | None]:
    found: list[str | None] = []
    after = None
    while True:
        page = read(connection, "mine", after, LIMIT)
        assert page is not None
        if not page:
            return found
        found += map(last_id, page)
        after = found[-1]


def test_pages_have_each_once_newest_first(open_any: Callable[[], Store]) -> None:
    """Only the lineage's own, and no batch that the upstream may not have; a cursor of another is none."""
    store = open_any()
    with store.write() as connection:
        for number in range(8):
            for lineage_id in ("mine", "another"):
                insert_file(connection, file(number, lineage_id))
                insert_batch(connection, batch(number, lineage_id))
    with store.read() as connection:
        by_file = pages(connection, files_of, lambda each: str(each.id))
        assert by_file == [f"file_mine_{number}" for number in range(7, -1, -1)]
        by_batch = pages(connection, batches_of, lambda each: each.upstream_id)  # type: ignore[arg-type]
        assert by_batch == [f"batch_mine_{number}" for number in range(7, 0, -1)]
        assert files_of(connection, "mine", "file_another_3", LIMIT) is None
        assert batches_of(connection, "mine", "batch_another_3", LIMIT) is None
        newest = batches_of(connection, "mine", None, 1)
        assert newest is not None
        assert newest[0].document["metadata"] == {"any": "text: \ud800 \0"}
