"""A batch's money: reserved when it is created, held until its results are read, then what they say."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from sqlalchemy import select

from batch_bench import BatchBench, failing, line, result
from pulumi_groq.gateway.batches.creation import shown
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.echo.upstream import EchoUpstream
from pulumi_groq.gateway.inference.upstream import UnknownUpstreamKeyError, UpstreamCall
from pulumi_groq.gateway.store.batches import find_file
from pulumi_groq.gateway.store.schema import ledger
from pulumi_groq.policy.access import KeyAccess

Key = Callable[..., KeyAccess]
CAP = 1_000_000
LINES = [line(number, content="a word " * 20) for number in range(10)]


async def created(bench: BatchBench, key: KeyAccess) -> Any:
    bench.bench.cap(CAP)
    await bench.open()
    return await bench.create(key, LINES)


async def test_creation_reserves_the_worst_of_all_lines(bench: BatchBench, key: Key) -> None:
    """Nothing is spent, and what is held can be reserved by nobody else, in the cap and in the budget."""
    owner = key(budget=CAP)
    batch = await created(bench, owner)
    assert batch.held_micro_usd > 0
    assert bench.spent == 0
    assert bench.batches.held == (1, batch.held_micro_usd)
    assert await bench.left(owner, CAP) == CAP - batch.held_micro_usd
    assert await bench.left(key("other"), CAP) == CAP - batch.held_micro_usd


@pytest.mark.parametrize("restarts", [0, 1, 3])
async def test_results_replace_the_reservation(bench: BatchBench, key: Key, restarts: int) -> None:
    """However often the process ended in between, exactly what the results state is spent."""
    owner = key(budget=CAP)
    batch = await created(bench, owner)
    for _ in range(restarts):
        await bench.reopen()
        assert await bench.left(owner, CAP) == CAP - batch.held_micro_usd
    await bench.batches.round()
    rows = 1 + len(LINES)  # the creation is a request, too
    assert 0 < bench.spent < batch.held_micro_usd
    spent = bench.spent
    assert await bench.left(owner, CAP) == CAP - spent
    await bench.reopen()
    assert bench.spent == spent
    of_batch = ledger.c.request_id.startswith(batch.request_id)
    with bench.bench.store.read() as connection:
        booked = connection.scalars(select(ledger.c.cost_micro_usd).where(of_batch)).all()
    assert (len(booked), sum(booked)) == (rows, spent)
    assert bench.batches.held == (0, 0)


async def test_batch_above_the_budget_is_refused_before_it_is_created(bench: BatchBench, key: Key) -> None:
    """The refusal is that of any request; the upstream hears nothing of it, and nothing stays reserved."""
    bench.bench.cap(CAP)
    await bench.open()
    owner = key(budget=5)
    with pytest.raises(Refusal) as refused:
        await bench.create(owner, LINES)
    assert refused.value.status == 400
    assert "POST /openai/v1/batches" not in bench.upstream.calls
    assert bench.still_open() == []
    assert await bench.left(owner, 5) == 5


async def test_refused_creation_gives_the_money_back(bench: BatchBench, key: Key) -> None:
    """The upstream's own refusal reaches the caller with its status."""
    bench.bench.cap(CAP)
    await bench.open()
    file = await bench.uploaded(key(), LINES)
    bench.upstream.echo.batches.files.clear()
    with pytest.raises(Refusal) as refused:
        await bench.create_of(key(), file.id)
    assert refused.value.status == 404
    assert bench.still_open() == []
    assert await bench.left(key(), CAP) == CAP


@pytest.mark.parametrize("restarts", [0, 1])
async def test_creation_whose_answer_was_lost_is_found(bench: BatchBench, key: Key, restarts: int) -> None:
    """The upstream has the batch: it is found by its tag, owned and booked as any other."""
    bench.bench.cap(CAP)
    await bench.open()
    bench.upstream.after = failing("POST", "/batches")
    with pytest.raises(Refusal) as lost:
        await bench.create(key(), LINES)
    assert lost.value.status == 502
    (open_batch,) = bench.still_open()
    for _ in range(restarts):
        await bench.reopen()
    assert await bench.left(key(), CAP) == CAP - open_batch.held_micro_usd
    await bench.batches.round()
    await bench.batches.round()
    assert bench.still_open() == []
    assert 0 < bench.spent < open_batch.held_micro_usd


async def test_creation_that_never_arrived_is_given_up_once_the_upstream_says_so(
    bench: BatchBench, key: Key
) -> None:
    """While it could still appear, and while the upstream cannot be asked, the money stays reserved."""
    bench.bench.cap(CAP)
    await bench.open()
    bench.upstream.before = failing("POST", "/batches")
    with pytest.raises(Refusal):
        await bench.create(key(), LINES)
    await bench.batches.round()
    assert len(bench.still_open()) == 1
    bench.bench.clock.advance(minutes=11)
    bench.upstream.before = failing("GET", "/batches")
    await bench.batches.round()
    assert len(bench.still_open()) == 1
    bench.upstream.before = lambda _: None
    await bench.batches.round()
    assert bench.still_open() == []
    assert await bench.left(key(), CAP) == CAP


async def test_a_list_that_cannot_be_had_for_a_day_makes_what_is_in_doubt_cost_what_is_reserved(
    bench: BatchBench, key: Key
) -> None:
    """The upstream may have no list, or the gateway no longer the batch's upstream key."""
    bench.bench.cap(CAP)
    await bench.open()
    bench.upstream.after = failing("POST", "/batches")
    with pytest.raises(Refusal):
        await bench.create(key(), LINES)
    (open_batch,) = bench.still_open()
    bench.upstream.before = failing("GET", "/batches")
    for hours in (0, 23, 1):
        bench.bench.clock.advance(hours=hours)
        assert (bench.spent, len(bench.still_open())) == (0, 1)
        await bench.batches.round()

    assert (bench.spent, bench.still_open()) == (open_batch.held_micro_usd, [])


@pytest.mark.parametrize("has_more", [None, True])
async def test_a_list_that_does_not_reach_back_gives_no_money_back(
    bench: BatchBench, key: Key, monkeypatch: pytest.MonkeyPatch, has_more: bool | None
) -> None:
    """Others have created so many since that the page is full: the batch may stand on the next. In the end it
    is charged as reserved.
    """
    bench.bench.cap(CAP)
    await bench.open()
    bench.upstream.after = failing("POST", "/batches")
    with pytest.raises(Refusal):
        await bench.create(key(), LINES)
    (open_batch,) = bench.still_open()
    bench.bench.clock.advance(minutes=11)
    now_s = int(bench.bench.clock.now_s())
    page: dict[str, Any] = {"data": [{"id": f"batch_{number}", "created_at": now_s} for number in range(20)]}
    listed = page if has_more is None else {**page, "has_more": has_more}
    answered = bench.upstream.echo.batches.answer

    def answer(method: str, path: str, body: bytes, content_type: bytes) -> dict[str, Any] | bytes | None:
        is_list = method == "GET" and path.partition("?")[0].endswith("/batches")
        return listed if is_list else answered(method, path, body, content_type)

    monkeypatch.setattr(bench.upstream.echo.batches, "answer", answer)
    await bench.batches.round()
    assert await bench.left(key(), CAP) == CAP - open_batch.held_micro_usd
    bench.bench.clock.advance(hours=24)
    await bench.batches.round()
    assert (bench.spent, bench.still_open()) == (open_batch.held_micro_usd, [])


@pytest.mark.parametrize("status", ["expired", "cancelled", "completed"])
async def test_what_was_done_is_charged_and_the_rest_is_free(
    bench: BatchBench, key: Key, status: str
) -> None:
    """Of a batch that ended early, or failed in part, each result costs what it states."""
    batch = await created(bench, key())
    output = bench.file(
        result(0, prompt_tokens=50, completion_tokens=10) + result(1, prompt_tokens=60, completion_tokens=20)
    )
    errors = bench.file(result(2, status=400) + result(3, status=500))
    counts = {"total": 10, "completed": 2, "failed": 2}
    bench.outcome(batch, status=status, output_file_id=output, error_file_id=errors, request_counts=counts)
    await bench.batches.round()
    model = bench.catalogue.get("openai/gpt-oss-20b")
    assert model is not None
    expected = [
        model.cost_micro_usd(prompt_tokens=prompt, completion_tokens=completion, batch=True)
        for prompt, completion in ((50, 10), (60, 20))
    ]
    assert bench.spent == sum(expected)
    assert await bench.left(key(), CAP) == CAP - bench.spent


async def test_batch_that_failed_its_validation_costs_nothing(bench: BatchBench, key: Key) -> None:
    """There are no results, and none were promised."""
    batch = await created(bench, key())
    bench.outcome(batch, status="failed", errors={"object": "list", "data": [{"message": "no"}]})
    await bench.batches.round()
    assert (bench.spent, bench.still_open()) == (0, [])


async def test_results_that_cannot_be_read_are_charged_as_reserved_after_a_day(
    bench: BatchBench, key: Key
) -> None:
    """Until then they are tried again, through a restart."""
    batch = await created(bench, key())
    bench.upstream.before = failing("GET", "/content")
    await bench.batches.round()
    bench.bench.clock.advance(hours=23)
    await bench.reopen()
    await bench.batches.round()
    assert bench.spent == 0
    assert len(bench.still_open()) == 1
    bench.bench.clock.advance(hours=2)
    await bench.batches.round()
    assert (bench.spent, bench.still_open()) == (batch.held_micro_usd, [])


@pytest.mark.parametrize("status", ["completed", "failed", "expired", "cancelled"])
async def test_a_batch_is_over_for_its_key_once_its_results_can_be_had(
    bench: BatchBench, key: Key, status: str
) -> None:
    """Who waits for its end asks for the results next, which are known once they were read."""
    batch = await created(bench, key())
    at = f"{status}_at"
    results = bench.file(b"".join(result(each, prompt_tokens=9, completion_tokens=3) for each in range(10)))
    bench.outcome(batch, status=status, output_file_id=results, **{at: 1})
    bench.upstream.before = failing("GET", "/content")
    seen = shown(await bench.batches.look(batch))
    assert (seen["status"], seen["output_file_id"], seen[at]) == ("finalizing", None, None)
    bench.upstream.before = lambda _: None
    seen = shown(await bench.batches.look(bench.stored(batch)))

    assert (seen["status"], seen["output_file_id"], seen[at]) == (status, results, 1)
    with bench.bench.store.read() as connection:
        assert find_file(connection, batch.lineage_id, results) is not None


async def test_an_upstream_that_fails_now_and_then_makes_no_batch_cost_what_is_reserved(
    bench: BatchBench, key: Key
) -> None:
    """What can be read in between begins the day anew: a batch may take a week."""
    batch = await created(bench, key())
    bench.outcome(batch, status="finalizing")
    for _ in range(5):
        bench.upstream.before = failing("GET", batch.upstream_id)
        await bench.batches.round()
        bench.upstream.before = lambda _: None
        await bench.batches.round()
        bench.bench.clock.advance(hours=25)
    bench.upstream.before = failing("GET", batch.upstream_id)
    await bench.batches.round()

    assert (bench.spent, len(bench.still_open())) == (0, 1)


async def test_two_looks_at_once_book_once(bench: BatchBench, key: Key) -> None:
    """The owner's look and the rounds may meet."""
    batch = await created(bench, key())
    await asyncio.gather(*(bench.batches.look(batch) for _ in range(5)), bench.batches.round())
    spent = bench.spent
    await bench.reopen()
    assert bench.spent == spent
    assert await bench.left(key(), CAP) == CAP - spent


async def test_stale_look_does_not_open_a_settled_batch_again(bench: BatchBench, key: Key) -> None:
    """What was read before the settlement is not written over it."""
    batch = await created(bench, key())
    await bench.batches.round()
    spent = bench.spent
    bench.upstream.before = failing("GET", batch.upstream_id)
    await bench.batches.look(batch)
    assert bench.stored(batch).is_settled
    await bench.batches.round()
    assert bench.spent == spent


@pytest.mark.parametrize("restarts", [0, 1])
async def test_batch_of_last_month_is_booked_there(bench: BatchBench, key: Key, restarts: int) -> None:
    """It was admitted under that month's cap; this month's is whole."""
    bench.bench.clock.time = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    owner = key(budget=CAP)
    await created(bench, owner)
    bench.bench.clock.advance(hours=2)
    for _ in range(restarts):
        await bench.reopen()
    assert await bench.left(owner, CAP) == CAP
    await bench.batches.round()
    assert bench.spent == 0
    assert bench.service.usage.spent_in("2026-11") > 0
    assert await bench.left(owner, CAP) == CAP


@pytest.mark.parametrize("looks", range(1, 6))
async def test_a_batch_is_booked_in_the_windows_that_it_is_reserved_in(
    bench: BatchBench, key: Key, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """However close to their border it is created: the month ends between two looks at the clock."""
    owner = key(budget=CAP)
    bench.bench.cap(CAP)
    await bench.open()
    file = await bench.uploaded(owner, LINES)
    clock = bench.bench.clock
    clock.time = datetime(2026, 12, 1, tzinfo=UTC) - timedelta(microseconds=looks)

    def ticking() -> datetime:
        clock.advance(microseconds=1)
        return clock.time

    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", ticking)
        patched.setattr(clock, "now_s", lambda: ticking().timestamp())
        batch = await bench.create_of(owner, file.id)
    held = CAP - await bench.left(owner, CAP)
    await bench.reopen()
    assert CAP - await bench.left(owner, CAP) == held
    assert held in {0, batch.held_micro_usd}


async def test_cancelled_batch_is_shown_as_the_upstream_has_it(bench: BatchBench, key: Key) -> None:
    """Nothing was done by then, so nothing is charged."""
    batch = await created(bench, key())
    cancelled = await bench.batches.cancel(batch)
    assert cancelled.document["status"] == "cancelled"
    assert (bench.spent, bench.still_open()) == (0, [])


async def test_upstream_that_does_not_answer_leaves_the_batch_as_it_was_seen(
    bench: BatchBench, key: Key
) -> None:
    """A look is no failure of the caller's."""
    batch = await created(bench, key())
    bench.upstream.before = failing("GET", batch.upstream_id)
    seen = await bench.batches.look(batch)
    assert seen.document["status"] == "validating"


async def test_a_batch_lives_with_the_upstream_key_of_its_file(bench: BatchBench, key: Key) -> None:
    """From the upload to its results, in doubt and after a restart too, whatever its team's is then."""
    owner = replace(key(budget=CAP), upstream_key="research")
    bench.bench.cap(CAP)
    await bench.open()
    file = await bench.uploaded(owner, LINES)
    bench.upstream.after = failing("POST", "/batches")
    with pytest.raises(Refusal):
        await bench.create_of(replace(owner, upstream_key="other"), file.id)
    bench.upstream.after = lambda _: None
    await bench.reopen()
    await bench.batches.round()
    await bench.batches.round()

    assert bench.batches.held == (0, 0)
    assert bench.spent > 0
    assert set(bench.upstream.keys) == {"research"}
    assert {call.split("/")[3].split("?")[0] for call in bench.upstream.calls} == {"files", "batches"}


async def test_a_batch_without_its_upstream_key_holds_no_money(bench: BatchBench, key: Key) -> None:
    """Nothing was sent, so nothing can be running."""

    def unknown(call: UpstreamCall) -> None:
        if call.path.endswith("/batches"):
            raise UnknownUpstreamKeyError("the gateway has no upstream key research")

    owner = replace(key(budget=CAP), upstream_key="research")
    bench.bench.cap(CAP)
    await bench.open()
    file = await bench.uploaded(owner, LINES)
    bench.upstream.before = unknown
    with pytest.raises(Refusal) as refused:
        await bench.create_of(owner, file.id)

    assert (refused.value.status, refused.value.detail.code) == (502, "upstream_key_unknown")
    assert bench.batches.held == (0, 0)
    assert await bench.left(owner, CAP) == CAP


async def test_a_crash_right_after_the_batch_was_recorded_holds_its_money_once(
    bench: BatchBench, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has its request in flight, the store has the batch: the request itself cost nothing."""
    bench.bench.cap(CAP)
    await bench.open()
    owner = key()
    room = await bench.left(owner, CAP)

    async def killed(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.service.metering, "keep", killed)
    with pytest.raises(KeyboardInterrupt):
        await bench.create(owner, LINES)
    await bench.reopen()
    (record,) = bench.still_open()

    assert bench.batches.held == (1, record.held_micro_usd)
    assert await bench.left(owner, CAP) == room - record.held_micro_usd
    assert bench.spent == 0


async def test_clients_that_ask_all_the_time_ask_the_upstream_once_a_second(
    bench: BatchBench, key: Key
) -> None:
    """Its limits are the organisation's: a loop of one key must not use them up."""
    batch = await created(bench, key())
    bench.upstream.before = failing("GET", batch.upstream_id)
    bench.upstream.calls.clear()
    for _ in range(10):
        batch = await bench.batches.show(batch)
    assert len(bench.upstream.calls) == 1
    bench.bench.clock.advance(seconds=1)
    await asyncio.gather(*(bench.batches.show(batch) for _ in range(10)))
    assert len(bench.upstream.calls) == 2


async def test_a_settled_batch_is_neither_cancelled_nor_read_again(bench: BatchBench, key: Key) -> None:
    """Each try would fetch the whole output from the upstream."""
    batch = await created(bench, key())
    settled = await bench.batches.look(batch)
    assert settled.is_settled
    bench.upstream.calls.clear()
    for _ in range(3):
        assert await bench.batches.cancel(settled) == settled
        assert await bench.batches.show(settled) == settled
    assert bench.upstream.calls == []


STRANGE: list[dict[str, Any]] = [
    {"id": "another"},
    {"id": None},
    {"status": ["completed"]},
    {"metadata": "text"},
]


@pytest.mark.parametrize("change", STRANGE)
async def test_a_strange_answer_leaves_the_batch_as_it_was_seen(
    bench: BatchBench, key: Key, change: dict[str, Any]
) -> None:
    """Another batch's id, a status or metadata of another type: nothing fails, and the list can be shown."""
    batch = await created(bench, key())
    assert batch.upstream_id is not None
    echo = bench.upstream.echo.batches
    document = echo.batches[batch.upstream_id]
    echo.batches[batch.upstream_id] = {**document, "status": "finalizing", **change}
    for look in (bench.batches.look, bench.batches.cancel):
        with suppress(Refusal):
            batch = await look(batch)
    assert not batch.is_settled
    assert batch.document["id"] == batch.upstream_id
    await bench.batches.round()
    assert shown(batch)["id"] == batch.upstream_id


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
async def test_what_is_no_json_is_not_kept(bench: BatchBench, key: Key, number: float) -> None:
    """A store may refuse it, and so would whoever reads a list with it; the other batches are looked at."""
    batch = await created(bench, key())
    other = await bench.create(key(), LINES)
    bench.outcome(batch, status="in_progress", errors=number)
    with suppress(Refusal):
        await bench.batches.cancel(batch)
    await bench.batches.round()
    assert bench.stored(batch).document["errors"] is None
    assert bench.stored(other).is_settled


async def test_an_id_that_another_batch_has_is_not_taken(
    bench: BatchBench, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """502, and the money stays reserved: something was created."""
    first = await created(bench, key())
    file = await bench.uploaded(key(), [line()])
    monkeypatch.setattr(bench.upstream.echo.batches, "_id", lambda _: first.upstream_id)
    with pytest.raises(Refusal) as refused:
        await bench.create_of(key(), file.id)
    assert refused.value.status == 502
    await bench.batches.round()
    assert len(bench.still_open()) == 1


async def test_ids_of_the_echo_never_come_again(bench: BatchBench, key: Key) -> None:
    """Neither after a deletion nor after a restart, which the gateway's store outlives."""
    ids = [(await bench.uploaded(key(), [line()])).id for _ in range(2)]
    del bench.upstream.echo.batches.files[ids[0]]
    ids.append((await bench.uploaded(key(), [line()])).id)
    bench.upstream.echo = EchoUpstream(bench.bench.clock)
    ids.append((await bench.uploaded(key(), [line()])).id)
    assert len(set(ids)) == 4
