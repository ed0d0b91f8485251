"""Batches over a real store and metering, in front of an upstream that fails as it is told."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from metering_bench import Bench
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.batches.creation import Creation
from pulumi_groq.gateway.batches.lines import LineReader
from pulumi_groq.gateway.batches.service import Batches
from pulumi_groq.gateway.batches.upstream_api import UpstreamApi
from pulumi_groq.gateway.inference.echo.upstream import EchoAnswer, EchoUpstream
from pulumi_groq.gateway.inference.permissions import ModelAccess, ToolAccess
from pulumi_groq.gateway.inference.record import Disbelief
from pulumi_groq.gateway.inference.upstream import UpstreamCall, UpstreamUnreachableError
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.store.batches import (
    BatchRecord,
    FileRecord,
    find_batch,
    insert_file,
    open_batches,
)
from pulumi_groq.policy.access import KeyAccess

MODEL = "openai/gpt-oss-20b"


def line(number: int = 0, *, content: str = "hello", most_tokens: int | None = 50, **body: Any) -> bytes:
    """One line of an input file."""
    chat = {"model": MODEL, "messages": [{"role": "user", "content": content}], **body}
    if most_tokens is not None:
        chat["max_completion_tokens"] = most_tokens
    request = {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": chat}
    return json.dumps(request).encode() + b"\n"


def result(number: int = 0, *, status: int = 200, **usage: Any) -> bytes:
    """One line of an output file."""
    body: dict[str, Any] = {"model": MODEL, "usage": usage} if usage else {"model": MODEL}
    response = {"status_code": status, "request_id": "req", "body": body}
    return json.dumps({"id": "x", "custom_id": f"r{number}", "response": response}).encode() + b"\n"


@dataclass
class TestUpstream:
    """The echo's files and batches; `before` and `after` may raise around a call, by method and path."""

    __test__ = False

    echo: EchoUpstream
    before: Callable[[UpstreamCall], None] = lambda _: None
    after: Callable[[UpstreamCall], None] = lambda _: None
    calls: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    async def send(self, call: UpstreamCall) -> EchoAnswer:
        self.calls.append(f"{call.method} {call.path}")
        self.keys.append(call.upstream_key)
        self.before(call)
        answer = await self.echo.send(call)
        self.after(call)
        return answer

    async def close(self) -> None:
        return None


def failing(method: str, ending: str) -> Callable[[UpstreamCall], None]:
    """Raises where a call of this method ends so."""

    def fail(call: UpstreamCall) -> None:
        if call.method == method and call.path.partition("?")[0].endswith(ending):
            raise UpstreamUnreachableError("connection reset")

    return fail


class BatchBench:
    """A gateway's batches; `reopen` stands for kill -9 and a restart on the same disk."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.upstream = TestUpstream(EchoUpstream(bench.clock))
        self.catalogue = Catalogue.load()
        self.requests = 0
        self.disbelieved: list[Disbelief] = []
        self._files = 0

    async def open(self) -> None:
        self.service: MeteringService = self.bench.open()
        self.batches = Batches(
            store=self.bench.store,
            metering=self.service.metering,
            api=UpstreamApi(self.upstream),
            catalogue=self.catalogue,
            clock=self.bench.clock,
            disbelieved=self.disbelieved.append,
        )
        await self.batches.restore()

    async def reopen(self) -> None:
        self.service.ledger.close()
        await self.open()

    async def uploaded(self, key: KeyAccess, lines: Iterable[bytes]) -> FileRecord:
        """An input file at the upstream and in the store."""
        content = b"".join(lines)
        reader = LineReader(key, ModelAccess(self.catalogue), ToolAccess(self.catalogue))
        reader.feed(content)
        reader.finish()
        stated = await UpstreamApi(self.upstream).upload(_form(content), 0, CONTENT_TYPE, key.upstream_key)
        record = FileRecord(
            stated["id"],
            key.lineage_id,
            "in.jsonl",
            len(content),
            "batch",
            reader.worst,
            [],
            int(self.bench.clock.now().timestamp()),
            key.upstream_key,
        )
        with self.bench.store.write() as connection:
            insert_file(connection, record)
        return record

    async def create(self, key: KeyAccess, lines: Iterable[bytes], window: str = "24h") -> BatchRecord:
        """A batch of these lines."""
        file = await self.uploaded(key, lines)
        return await self.create_of(key, file.id, window)

    async def create_of(self, key: KeyAccess, file_id: str, window: str = "24h") -> BatchRecord:
        """A batch of a file."""
        self.requests += 1
        creation = Creation(file_id, window, {})
        return await self.batches.create(key, creation, f"req_batch_{self.requests:06d}")

    def outcome(self, record: BatchRecord, **changes: Any) -> None:
        """What the upstream says of a batch from now on."""
        assert record.upstream_id is not None
        self.upstream.echo.batches.batches[record.upstream_id] |= changes

    def file(self, content: bytes) -> str:
        """A file that the upstream has written."""
        return str(self.upstream.echo.batches.kept("x.jsonl", "batch_output", content)["id"])

    def stored(self, record: BatchRecord) -> BatchRecord:
        """The batch as the store has it."""
        assert record.upstream_id is not None
        with self.bench.store.read() as connection:
            found = find_batch(connection, record.lineage_id, record.upstream_id)
        assert found is not None
        return found

    def still_open(self) -> list[BatchRecord]:
        with self.bench.store.read() as connection:
            return open_batches(connection)

    @property
    def spent(self) -> int:
        """The organisation's spend of this month, micro-dollars."""
        return self.service.usage.month_spend_micro_usd(self.bench.clock.now())

    async def left(self, key: KeyAccess, limit: int) -> int:
        """How much of the cap or budget `limit` the key could still reserve: found by trying."""
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            admitted = await self.bench.admit(self.service, key, middle)
            if isinstance(admitted, Reservation):
                await self.service.metering.settle(admitted, None, 200)
                low = middle
            else:
                high = middle - 1
        return low


CONTENT_TYPE = b"multipart/form-data; boundary=line"


async def _form(content: bytes) -> AsyncIterator[bytes]:
    yield b'--line\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    yield b'--line\r\nContent-Disposition: form-data; name="file"; filename="in.jsonl"\r\n\r\n'
    yield content
    yield b"\r\n--line--\r\n"
