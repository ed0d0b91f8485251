"""The money of a batch in the windows and models that it was reserved in."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from batch_bench import BatchBench, line
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits

Key = Callable[..., KeyAccess]
OTHER = "openai/gpt-oss-120b"
ROOM = 1_000_000
LINES = [line(number, content="a word " * 20) for number in range(10)]
TWO_MODELS = [*LINES, *(line(100 + number, model=OTHER) for number in range(5))]


def with_day(key: KeyAccess) -> KeyAccess:
    return replace(key, budgets=(Budget("day", ROOM),))


@pytest.mark.parametrize("restarts", [0, 1])
async def test_a_batch_holds_the_day_s_budget_until_its_results_are_read(
    bench: BatchBench, key: Key, restarts: int
) -> None:
    """Over a restart, too; then the day is charged what the results say, and the next day nothing."""
    owner = with_day(key())
    await bench.open()
    batch = await bench.create(owner, LINES)
    for _ in range(restarts):
        await bench.reopen()
    assert await bench.left(owner, ROOM) == ROOM - batch.held_micro_usd
    await bench.batches.round()
    assert await bench.left(owner, ROOM) == ROOM - bench.spent
    bench.bench.clock.advance(hours=24)
    assert await bench.left(owner, ROOM) == ROOM


async def test_a_budget_that_is_set_later_counts_what_a_batch_holds(bench: BatchBench, key: Key) -> None:
    """And gets back what the results leave of it."""
    owner = key()
    await bench.open()
    batch = await bench.create(owner, LINES)
    assert await bench.left(with_day(owner), ROOM) == ROOM - batch.held_micro_usd
    await bench.batches.round()
    assert await bench.left(with_day(owner), ROOM) == ROOM - bench.spent


@pytest.mark.parametrize("restarts", [0, 1])
async def test_each_model_of_a_batch_counts_in_its_own_budget(
    bench: BatchBench, key: Key, restarts: int
) -> None:
    """Where one has too little the batch is refused and holds nothing; the other's budget is untouched."""
    owner = key()
    await bench.open()
    batch = await bench.create(owner, TWO_MODELS)
    held = batch.held_by_model_micro_usd
    assert held.keys() == {"openai/gpt-oss-20b", OTHER}
    for _ in range(restarts):
        await bench.reopen()

    def bounded(room: int) -> KeyAccess:
        return replace(owner, model_bounds={OTHER: Bounds(Limits(), (Budget("month", room),))})

    with pytest.raises(Refusal) as refused:
        await bench.create(bounded(2 * held[OTHER] - 1), TWO_MODELS)
    assert refused.value.detail.code == "rate_limit_exceeded"
    assert bench.batches.held == (1, batch.held_micro_usd)
    await bench.create(bounded(2 * held[OTHER]), TWO_MODELS)


async def test_a_batch_takes_no_place_of_running_requests(bench: BatchBench, key: Key) -> None:
    """It runs at the upstream for hours: only the request that creates it runs here."""
    owner = replace(key(), limits=Limits(max_parallel_requests=1))
    await bench.open()
    await bench.create(owner, LINES)
    await bench.create(owner, LINES)
    assert bench.batches.held[0] == 2
