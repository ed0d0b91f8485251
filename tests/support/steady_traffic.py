"""Services that call the gateway without a pause and read their key from a file again and again."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from patience import until

SERVICES: Final = 3
REQUESTS_PER_READ: Final = 20
PAUSE_S: Final = 0.004
DEADLINE_S: Final = 120
TIMEOUT_S: Final = 60
_BODY: Final = json.dumps(
    {
        "model": "openai/gpt-oss-20b",
        "messages": [{"role": "user", "content": "hi"}],
        "max_completion_tokens": 1,
    }
)


def call(base_url: str, api_key: str) -> int:
    """One chat request with `api_key`; the status."""
    with closing(HTTPConnection(urlsplit(base_url).netloc, timeout=TIMEOUT_S)) as connection:
        return _status(connection, api_key)


def _status(connection: HTTPConnection, api_key: str) -> int:
    headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json"}
    connection.request("POST", "/openai/v1/chat/completions", _BODY, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


class SteadyTraffic:
    """Counts the answers by status and by phase while its block lasts.

    A service holds the key that it read last for REQUESTS_PER_READ requests, as one does that takes
    its key from a file or a secrets manager at intervals.
    """

    def __init__(self, base_url: str, key_file: Path) -> None:
        self._address = urlsplit(base_url).netloc
        self._key_file = key_file
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._held = [""] * SERVICES
        self._threads = [threading.Thread(target=self._call, args=(index,)) for index in range(SERVICES)]
        self.phase = "before"
        self.statuses: Counter[int] = Counter()
        self.by_phase: Counter[str] = Counter()
        self.by_key: Counter[str] = Counter()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def total(self) -> int:
        """How many requests were answered."""
        return self.statuses.total()

    def wait_until_all_hold(self, value: str) -> None:
        """Wait until every service has read `value` and had its earlier requests answered."""
        self._wait(lambda: all(held == value for held in self._held), "all services have read their key")

    def wait_for(self, total: int) -> None:
        """Wait until `total` requests were answered."""
        self._wait(lambda: self.total >= total, f"{total} requests are answered")

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        def done_or_died() -> bool:
            assert all(thread.is_alive() for thread in self._threads), "a service died"
            return done()

        until(done_or_died, what, seen=lambda: self.statuses, patience_s=DEADLINE_S)

    def _call(self, index: int) -> None:
        connection = HTTPConnection(self._address, timeout=TIMEOUT_S)
        while not self._ended.is_set():
            value = self._key_file.read_text()
            self._held[index] = value
            for _ in range(REQUESTS_PER_READ):
                self._count(_status(connection, value), value)
                if self._ended.wait(PAUSE_S):
                    break
        connection.close()

    def _count(self, status: int, value: str) -> None:
        with self._lock:
            self.statuses[status] += 1
            self.by_phase[self.phase] += 1
            self.by_key[value[-4:]] += 1
