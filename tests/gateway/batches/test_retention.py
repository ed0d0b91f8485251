"""Files and settled batches go after 90 days, at the upstream too."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from batch_bench import BatchBench, failing, line
from pulumi_groq.gateway.batches.retention import KEPT_FOR, BatchRetention
from pulumi_groq.gateway.batches.upstream_api import UpstreamApi
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.upstream import UnknownUpstreamKeyError, UpstreamCall
from pulumi_groq.gateway.store.batches import batches_of, count_files
from pulumi_groq.policy.access import KeyAccess

Key = Callable[..., KeyAccess]


async def kept(bench: BatchBench) -> tuple[int, int, int]:
    """Batches and files of the lineage after a round of the upkeep, and files at the upstream."""
    await BatchRetention(bench.bench.store, UpstreamApi(bench.upstream), bench.bench.clock)()
    with bench.bench.store.read() as connection:
        batches = batches_of(connection, "key_one", None, 100)
        assert batches is not None
        files = count_files(connection, "key_one")
    return len(batches), files, len(bench.upstream.echo.batches.files)


async def settled(bench: BatchBench, key: Key) -> None:
    bench.bench.cap(1_000_000)
    await bench.open()
    await bench.create(key(), [line()])
    await bench.batches.round()


async def test_a_settled_batch_and_its_files_go_after_90_days(bench: BatchBench, key: Key) -> None:
    """Not before; input and output alike, here and at the upstream."""
    await settled(bench, key)
    bench.bench.clock.advance(days=KEPT_FOR.days)
    assert await kept(bench) == (1, 2, 2)
    bench.bench.clock.advance(seconds=1)
    assert await kept(bench) == (0, 0, 0)


async def test_what_a_batch_needs_stays(bench: BatchBench, key: Key) -> None:
    """An old file of a batch that is not over: as long as it runs; another one goes."""
    bench.bench.cap(1_000_000)
    await bench.open()
    needed = await bench.uploaded(key(), [line()])
    await bench.uploaded(key(), [line()])
    bench.bench.clock.advance(days=KEPT_FOR.days, seconds=1)
    await bench.create_of(key(), needed.id)
    assert await kept(bench) == (1, 1, 1)


async def test_a_file_that_the_upstream_does_not_let_go_stays_for_the_next_round(
    bench: BatchBench, key: Key
) -> None:
    """No answer: it may be there still, and who but this gateway could delete it?"""
    await settled(bench, key)
    bench.bench.clock.advance(days=KEPT_FOR.days, seconds=1)

    def fail(call: UpstreamCall) -> None:
        failing("DELETE", call.path)(call)

    bench.upstream.before = fail
    assert await kept(bench) == (0, 2, 2)
    bench.upstream.before = lambda _: None
    assert await kept(bench) == (0, 0, 0)


def refusing(status: int) -> Callable[[UpstreamCall], None]:
    def refuse(_: UpstreamCall) -> NoReturn:
        raise Refusal(status, "invalid_request_error", "no")

    return refuse


def without_key(_: UpstreamCall) -> NoReturn:
    raise UnknownUpstreamKeyError("no upstream key research")


@pytest.mark.parametrize(
    ("before", "left"),
    [(refusing(404), 0), (refusing(400), 0), (without_key, 0), (refusing(429), 2), (refusing(502), 2)],
)
async def test_a_file_that_can_never_be_deleted_is_forgotten(
    bench: BatchBench, key: Key, before: Callable[[UpstreamCall], None], left: int
) -> None:
    """Gone already, refused for good, or of an upstream key that is no more; trouble of the moment passes."""
    await settled(bench, key)
    bench.bench.clock.advance(days=KEPT_FOR.days, seconds=1)
    bench.upstream.before = before
    assert await kept(bench) == (0, left, 2)


async def test_a_gateway_that_does_not_lead_drops_nothing(
    bench: BatchBench, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of those that share the store does so for all."""
    await settled(bench, key)
    bench.bench.clock.advance(days=KEPT_FOR.days, seconds=1)
    monkeypatch.setattr(type(bench.bench.store), "leads", False)
    assert await kept(bench) == (1, 2, 2)
