"""What of the gateway fails right now, its background work, and the answers of `/healthz` and `/readyz`."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.store.errors import StoreError, StoreUnavailableError
from pulumi_groq.gateway.store.store import Store

LOGGED_AGAIN_AFTER_S: Final = 60.0
BEGUN_AGAIN_AFTER_S: Final = 1.0

_log = logging.getLogger(__name__)


class HealthEvents(Protocol):
    """Told of each failure; must not block or raise."""

    def part_failed(self, part: str) -> None:
        """A part of the gateway failed; it is tried again."""
        ...


class Health:
    """Parts that fail, each with a reason of one line. While there is one, `/readyz` fails.

    A failure is logged when it begins, when its reason changes, and once a minute; an unforeseen one with
    its traceback. Belongs to the event loop.
    """

    def __init__(self, events: HealthEvents, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._monotonic_s = monotonic_s
        self._failing: dict[str, str] = {}
        self._degraded: dict[str, str] = {}
        self._logged_s: dict[str, float] = {}

    @property
    def failing(self) -> Mapping[str, str]:
        """Why each failing part fails."""
        return self._failing

    @property
    def degraded_parts(self) -> Mapping[str, str]:
        """Why a part works with restrictions: `/readyz` shows it and passes."""
        return self._degraded

    @contextmanager
    def watched(self, part: str) -> Iterator[None]:
        """Holds what the block raises, and notes whether `part` works."""
        try:
            yield
        except Exception as failure:  # noqa: BLE001  whatever it is, it is reported and the work goes on
            self.failed(part, failure)
        else:
            self.works(part)

    def failed(self, part: str, failure: BaseException) -> None:
        """Note that a part fails until it works again."""
        self._events.part_failed(part)
        reason = _reason(failure)
        now_s = self._monotonic_s()
        is_news = self._failing.get(part) != reason
        self._failing[part] = reason
        if is_news or now_s - self._logged_s[part] >= LOGGED_AGAIN_AFTER_S:
            self._logged_s[part] = now_s
            _log.error("%s: %s; will try again", part, reason, exc_info=_trace(failure))

    def ended(self, part: str, failure: BaseException) -> None:
        """Note that a job of a part failed: it is not done again, so the part does not go on failing."""
        self._events.part_failed(part)
        _log.error("%s: %s", part, _reason(failure), exc_info=_trace(failure))

    def degraded(self, part: str, reason: str) -> None:
        """Note that a part works with restrictions until it works again; logged when that begins."""
        if part not in self._degraded:
            self._events.part_failed(part)
            _log.error("%s: %s; will try again", part, reason)
        self._degraded[part] = reason

    def works(self, part: str) -> None:
        """Note that it works again."""
        was_degraded = self._degraded.pop(part, None) is not None
        if self._failing.pop(part, None) is not None or was_degraded:
            _log.warning("%s: works again", part)


def _reason(failure: BaseException) -> str:
    """Without paths and values: `/readyz` shows it to anybody."""
    if isinstance(failure, StoreError | CountersUnavailableError):
        return str(failure)
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    return type(failure).__name__


def _trace(failure: BaseException) -> BaseException | None:
    return None if isinstance(failure, StoreError | CountersUnavailableError | OSError) else failure


class Background:
    """The gateway's background work. Rounds go on after whatever they raise, and are begun again should
    their task end; a job runs once. What fails is reported to `health` under its name.
    """

    def __init__(self, health: Health) -> None:
        self.health = health
        self._ended = asyncio.Event()
        self._rounds: set[asyncio.Task[None]] = set()
        self._jobs: set[asyncio.Task[None]] = set()

    def every(self, period_s: float, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` at once and then every `period_s` seconds until `stop`."""
        task = asyncio.create_task(self._rounds_of(period_s, part, work), name=part)
        self._rounds.add(task)

        def begin_again(ended: asyncio.Task[None]) -> None:
            self._rounds.discard(ended)
            if self._ended.is_set():
                return
            failure = None if ended.cancelled() else ended.exception()
            self.health.failed(part, failure or asyncio.CancelledError())
            asyncio.get_running_loop().call_later(BEGUN_AGAIN_AFTER_S, self._again, period_s, part, work)

        task.add_done_callback(begin_again)

    def once(self, part: str, job: Coroutine[Any, Any, None]) -> None:
        """Do a job beside everything else."""
        task = asyncio.create_task(self._done_once(part, job), name=part)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def finish_jobs(self) -> None:
        """Wait until no job is under way."""
        while self._jobs:
            await asyncio.gather(*self._jobs)

    async def stop(self) -> None:
        """Let the rounds under way come to their end, and break off the jobs."""
        self._ended.set()
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*self._rounds, *jobs, return_exceptions=True)

    def _again(self, period_s: float, part: str, work: Callable[[], Awaitable[None]]) -> None:
        if not self._ended.is_set():
            self.every(period_s, part, work)

    async def _rounds_of(self, period_s: float, part: str, work: Callable[[], Awaitable[None]]) -> None:
        while not self._ended.is_set():
            with self.health.watched(part):
                await work()
            try:
                await asyncio.wait_for(self._ended.wait(), period_s)
            except TimeoutError:
                continue

    async def _done_once(self, part: str, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except Exception as failure:  # noqa: BLE001  nobody awaits it: it is reported here
            self.health.ended(part, failure)


async def healthz(scope: Scope, receive: Receive, send: Send) -> None:
    """200 while the event loop runs."""
    await JSONResponse({"status": "ok"})(scope, receive, send)


class Readyz:
    """200 while the store answers and nothing that is spent fails to be booked, else 503 with what fails."""

    def __init__(self, store: Store, health: Health, set_aside: Callable[[], int]) -> None:
        self._store = store
        self._health = health
        self._set_aside = set_aside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the store, and the health of the rest."""
        failing = dict(self._health.failing)
        try:
            await run_in_threadpool(self._store.check)
        except StoreUnavailableError as failure:
            failing["store"] = str(failure)
        if not self._store.is_ours:
            failing.setdefault("store", "it has not answered for too long, or another process has its place")
        if failing:
            status = "store_unavailable" if "store" in failing else "failing"
            answer = JSONResponse({"status": status, "failing": failing}, 503)
        else:
            told: dict[str, object] = {"status": "ok", "set_aside": self._set_aside()}
            if self._health.degraded_parts:
                told["degraded"] = dict(self._health.degraded_parts)
            answer = JSONResponse(told)
        await answer(scope, receive, send)
