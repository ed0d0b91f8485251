"""What threads that share a client share: the cooldown, the places, the deadline of the queue."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from pulumi_groq.admin import AdminClient
from pulumi_groq.admin.transport import PARALLEL_CALLS
from pulumi_groq.errors import NoAnswerError, RateLimitError
from pulumi_groq.models.usage import Usage

PATIENCE_S = 60


class HandTime:
    """A clock that the test moves; sleepers wake when it passes their time."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._now = 1000.0
        self._changed = threading.Condition()

    def clock(self) -> float:
        return self._now

    def sleep(self, duration_s: float) -> None:
        with self._changed:
            self.slept.append(duration_s)
            self._changed.notify_all()
            wake_at = self._now + duration_s
            assert self._changed.wait_for(lambda: self._now >= wake_at, PATIENCE_S)

    def wait_for_sleepers(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.slept) >= count, PATIENCE_S)

    def advance(self, duration_s: float) -> None:
        with self._changed:
            self._now += duration_s
            self._changed.notify_all()


@pytest.fixture
def hand_time() -> HandTime:
    return HandTime()


@pytest.fixture
def make_hand_client(make_client: Callable[..., AdminClient], hand_time: HandTime) -> Any:
    return lambda handler: make_client(handler, clock=hand_time.clock, sleep=hand_time.sleep)


@pytest.mark.parametrize("status", [429, 503])
def test_one_refusal_holds_all_threads(
    status: int,
    make_hand_client: Any,
    hand_time: HandTime,
    script: Any,
    refusal: Any,
    answer: Any,
    usage_body: Any,
) -> None:
    """After one answer with a time to come back no thread sends anything before it; then all get through."""
    server = script(refusal(status, headers={"retry-after": "10"}), answer(200, usage_body))
    client = make_hand_client(server)
    with ThreadPoolExecutor(3) as pool:
        calls: list[Future[Usage]] = [pool.submit(client.usage)]
        hand_time.wait_for_sleepers(1)
        hand_time.advance(4)
        calls += [pool.submit(client.usage) for _ in range(2)]
        hand_time.wait_for_sleepers(3)
        sent_during_the_wait = len(server.requests)
        hand_time.advance(6)
        months = [call.result(PATIENCE_S).month for call in calls]
    assert sent_during_the_wait == 1
    assert hand_time.slept == [10.0, 6.0, 6.0]
    assert months == ["2026-11"] * 3
    assert len(server.requests) == 4


def test_wait_of_all_that_outlasts_a_call_fails_it_at_once(
    make_hand_client: Any, hand_time: HandTime, script: Any, refusal: Any
) -> None:
    """A call that cannot outlive the common wait says so and sends nothing."""
    server = script(refusal(429, headers={"retry-after": "500"}))
    client = make_hand_client(server)
    with pytest.raises(RateLimitError):
        client.usage()
    with pytest.raises(NoAnswerError, match="the server asked all calls to wait"):
        client.models()
    assert len(server.requests) == 1


def test_limit_without_a_time_holds_all_threads_too(
    make_hand_client: Any, hand_time: HandTime, script: Any, refusal: Any, answer: Any, usage_body: Any
) -> None:
    """A 429 that names no time holds everybody for the backoff of the call that got it."""
    server = script(refusal(429), answer(200, usage_body))
    client = make_hand_client(server)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(client.usage)]
        hand_time.wait_for_sleepers(1)
        calls.append(pool.submit(client.usage))
        hand_time.wait_for_sleepers(2)
        sent_during_the_wait = len(server.requests)
        hand_time.advance(0.25)
        assert [call.result(PATIENCE_S).month for call in calls] == ["2026-11"] * 2
    assert sent_during_the_wait == 1
    assert hand_time.slept == [0.25, 0.25]


def test_failure_without_a_time_holds_nobody_else(
    make_hand_client: Any,
    hand_time: HandTime,
    script: Any,
    answer: Any,
    usage_body: Any,
) -> None:
    """One call's 500 is its own trouble: another thread's call goes out meanwhile."""
    server = script(answer(500, b""), answer(200, usage_body))
    client = make_hand_client(server)
    with ThreadPoolExecutor(1) as pool:
        failed_once = pool.submit(client.usage)
        hand_time.wait_for_sleepers(1)
        assert client.usage().month == "2026-11"
        hand_time.advance(1)
        assert failed_once.result(PATIENCE_S).month == "2026-11"
    assert hand_time.slept == [0.25]


def test_no_more_than_four_calls_at_a_time(make_client: Any, usage_body: Any) -> None:
    """Twelve threads keep at most four requests under way, and all of them are answered."""
    lock, under_way, most = threading.Lock(), [0], [0]
    four = threading.Barrier(PARALLEL_CALLS)

    def handle(request: httpx.Request) -> httpx.Response:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        four.wait(PATIENCE_S)
        with lock:
            under_way[0] -= 1
        return httpx.Response(200, json=usage_body)

    client = make_client(handle)
    with ThreadPoolExecutor(12) as pool:
        answered = [call.result(PATIENCE_S) for call in [pool.submit(client.usage) for _ in range(12)]]
    assert len(answered) == 12
    assert most == [PARALLEL_CALLS]


def test_place_in_the_queue_has_the_calls_deadline(make_client: Any, usage_body: Any) -> None:
    """A call that gets no place in its time gives up with a line that says why."""
    busy, done = threading.Barrier(PARALLEL_CALLS + 1), threading.Event()

    def handle(request: httpx.Request) -> httpx.Response:
        busy.wait(PATIENCE_S)
        assert done.wait(PATIENCE_S)
        return httpx.Response(200, json=usage_body)

    client = make_client(handle, deadline_s=1.0)
    with ThreadPoolExecutor(PARALLEL_CALLS) as pool:
        calls = [pool.submit(client.usage) for _ in range(PARALLEL_CALLS)]
        busy.wait(PATIENCE_S)
        with pytest.raises(NoAnswerError, match=r"other calls took all of its 1 s"):
            client.usage()
        done.set()
        assert [call.result(PATIENCE_S).month for call in calls] == ["2026-11"] * PARALLEL_CALLS
