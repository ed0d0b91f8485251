"""What is written in one turn of the loop is sent in order and whole, together where many are served."""

import asyncio
from collections.abc import Callable

import pytest

from pulumi_groq.gateway.http.drain import Drain
from pulumi_groq.gateway.http.write_coalescing import MOST_WAITING_BYTES, CoalescedTransport, WriteCoalescer

Events = list[tuple[str, bytes | str]]


class RecordingTransport(asyncio.Transport):
    """Keeps what happens to it, among what happens to others, in order."""

    def __init__(self, name: str, events: Events) -> None:
        super().__init__()
        self._name = name
        self._events = events

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._events.append((self._name, bytes(data)))

    def close(self) -> None:
        self._events.append((self._name, "closed"))

    def abort(self) -> None:
        self._events.append((self._name, "aborted"))

    def is_closing(self) -> bool:
        return bool({(self._name, "closed"), (self._name, "aborted")} & set(self._events))


Use = Callable[[CoalescedTransport, CoalescedTransport, Events], None]


def serving(requests: int) -> Drain:
    """So many requests are being served."""
    served = Drain()
    for _ in range(requests):
        served.enter()
    return served


@pytest.fixture
def events_of() -> Callable[..., Events]:
    def events_of(use: Use, *, crowded: bool = True) -> Events:
        """What transports `a` and `b` of one coalescer saw once the loop has turned."""

        async def run() -> Events:
            events: Events = []
            coalescer = WriteCoalescer(serving(2 if crowded else 1))
            a, b = (CoalescedTransport(RecordingTransport(name, events), coalescer) for name in "ab")
            use(a, b, events)
            await asyncio.sleep(0)
            return events

        return asyncio.run(run())

    return events_of


def test_what_many_write_in_one_turn_goes_out_when_it_is_over(events_of: Callable[..., Events]) -> None:
    """One send each, in the order in which they began; nothing before that."""

    def use(a: CoalescedTransport, b: CoalescedTransport, events: Events) -> None:
        a.write(b"head ")
        b.write(b"other")
        a.write(bytearray(b"body"))
        assert events == []

    assert events_of(use) == [("a", b"head body"), ("b", b"other")]


def test_a_request_alone_is_answered_at_once(events_of: Callable[..., Events]) -> None:
    """Nobody is there to wait for."""

    def use(a: CoalescedTransport, _b: CoalescedTransport, events: Events) -> None:
        a.write(b"answer")
        assert events == [("a", b"answer")]

    assert events_of(use, crowded=False) == [("a", b"answer")]


def test_what_was_written_before_goes_out_before(events_of: Callable[..., Events]) -> None:
    """The end of a stream takes along the pieces of its turn."""

    def use(a: CoalescedTransport, _b: CoalescedTransport, events: Events) -> None:
        a.write_soon(b"piece ")
        assert events == []
        a.write(b"end")
        assert events == [("a", b"piece end")]

    assert events_of(use, crowded=False) == [("a", b"piece end")]


def test_order_is_kept_when_the_others_end_within_the_turn() -> None:
    """What waited while many were served goes before what is written alone."""

    async def run() -> Events:
        events: Events = []
        served = serving(2)
        transport = CoalescedTransport(RecordingTransport("a", events), WriteCoalescer(served))
        transport.write(b"first ")
        served.leave()
        transport.write(b"second")
        await asyncio.sleep(0)
        return events

    assert asyncio.run(run()) == [("a", b"first second")]


def test_much_is_sent_at_once(events_of: Callable[..., Events]) -> None:
    """More than the bound does not wait, so that memory and back-pressure stay the transport's."""

    def use(a: CoalescedTransport, _b: CoalescedTransport, events: Events) -> None:
        a.write(b"x" * MOST_WAITING_BYTES)
        assert events == []
        a.write(b"y")
        assert events == [("a", b"x" * MOST_WAITING_BYTES + b"y")]
        a.write(b"z")

    assert events_of(use)[1:] == [("a", b"z")]


def test_closing_sends_what_waits(events_of: Callable[..., Events]) -> None:
    """An answer followed by a close arrives."""

    def use(a: CoalescedTransport, _b: CoalescedTransport, _events: Events) -> None:
        a.write(b"last words")
        a.close()

    assert events_of(use) == [("a", b"last words"), ("a", "closed")]


def test_aborting_sends_nothing(events_of: Callable[..., Events]) -> None:
    """A connection that is cut gets no answer."""

    def use(a: CoalescedTransport, b: CoalescedTransport, _events: Events) -> None:
        a.write(b"never")
        b.write(b"always")
        a.abort()

    assert events_of(use) == [("a", "aborted"), ("b", b"always")]


def test_what_waits_for_a_client_that_left_is_dropped() -> None:
    """The others get theirs."""

    async def run() -> Events:
        events: Events = []
        coalescer = WriteCoalescer(serving(2))
        gone = RecordingTransport("gone", events)
        CoalescedTransport(gone, coalescer).write(b"never")
        CoalescedTransport(RecordingTransport("here", events), coalescer).write(b"always")
        gone.abort()
        await asyncio.sleep(0)
        return events

    assert asyncio.run(run()) == [("gone", "aborted"), ("here", b"always")]
