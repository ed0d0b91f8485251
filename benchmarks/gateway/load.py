"""A closed-loop load on bare uvloop: each of N connections sends a request when the last answer is complete.

    python load.py URL KEY REQUESTS CONNECTIONS json|stream [EXTRA_HEADER ...]

Prints one JSON object: requests, errors, seconds, and p50 and p99 in microseconds of the latency (to the last
byte), the first byte (of a stream: the first event) and the gaps between two arrivals of a stream.
It parses no more of an answer than its end needs, so it stays far cheaper than what it measures.
"""

import asyncio
import json
import statistics
import sys
import time
from urllib.parse import urlsplit

import uvloop

MESSAGES = [
    {"role": "system", "content": "You answer in one short sentence."},
    {"role": "user", "content": "Which city is the capital of the country that borders Spain in the west?"},
]


def request(url: str, key: str, form: str, extra: list[str]) -> bytes:
    """The bytes of one request."""
    parts = urlsplit(url)
    body = json.dumps(
        {"model": "openai/gpt-oss-20b", "messages": MESSAGES, "max_tokens": 64, "stream": form == "stream"},
        separators=(",", ":"),
    )
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"host: {parts.netloc}",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        "accept: application/json",
        "user-agent: benchmark",
        *extra,
        f"content-length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class Caller(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._got = bytearray()
        self._first = self._last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._first and self._run.streams:
            self._run.gaps_us.append((now - self._last) * 1e6)
        self._got += data
        self._last = now
        if not self._first and (not self._run.streams or b"data:" in data):
            self._first = now
        if self._complete():
            ok = self._got.startswith(b"HTTP/1.1 200")
            self._run.done(ok, self._first - self._started, now - self._started)
            self._next()

    def connection_lost(self, _failure: Exception | None) -> None:
        self._run.lost()

    def _next(self) -> None:
        self._got.clear()
        self._first = 0.0
        self._started = time.perf_counter()
        if self._run.take():
            self._transport.write(self._run.request)
        else:
            self._transport.close()

    def _complete(self) -> bool:
        if self._got.endswith(b"0\r\n\r\n"):
            return True
        head_end = self._got.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        head = bytes(self._got[:head_end]).lower()
        at = head.find(b"content-length:")
        if at < 0:
            return False
        return len(self._got) >= head_end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])


class Run:
    """What all connections share."""

    def __init__(self, request: bytes, requests: int, connections: int, *, streams: bool) -> None:
        self.request = request
        self.streams = streams
        self._left = requests
        self._open = connections
        self.errors = 0
        self.first_us: list[float] = []
        self.latency_us: list[float] = []
        self.gaps_us: list[float] = []
        self.finished = asyncio.get_running_loop().create_future()

    def take(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def done(self, ok: bool, first_s: float, total_s: float) -> None:
        self.errors += not ok
        self.first_us.append(first_s * 1e6)
        self.latency_us.append(total_s * 1e6)

    def lost(self) -> None:
        self._open -= 1
        if not self._open and not self.finished.done():
            self.finished.set_result(None)


def percentiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"p50": 0.0, "p99": 0.0}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


async def main(url: str, key: str, requests: int, connections: int, form: str, extra: list[str]) -> None:
    run = Run(request(url, key, form, extra), requests, connections, streams=form == "stream")
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(run), parts.hostname, parts.port)
    await run.finished
    seconds = time.perf_counter() - started
    result = {
        "requests": len(run.latency_us),
        "errors": run.errors,
        "seconds": round(seconds, 3),
        "latency_us": percentiles(run.latency_us),
        "first_us": percentiles(run.first_us),
        "gap_us": percentiles(run.gaps_us),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6:]))
