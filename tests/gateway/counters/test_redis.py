"""What is so of counters in Redis only: reservations that outlive a gateway, outages, redirects, TLS."""

import asyncio
import time
from dataclasses import replace
from urllib.parse import quote

import pytest

from counters_on_redis import Told, redis_counters, until
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.protocol import WhenDown
from pulumi_groq.gateway.counters.redis import RedisCounters, RedisCounterSet
from pulumi_groq.gateway.counters.redis_address import parse_redis_url
from pulumi_groq.gateway.counters.redis_script import SCRIPT
from pulumi_groq.gateway.counters.redis_servers import RedisServers, slot_of
from pulumi_groq.policy.limits import Demand, Quota
from redis_server import PASSWORD, RedisServer, cluster

RPD = Quota("requests_per_day", "rpd:k", "requests", 50, 86_400, home="k")
RUNNING = Quota("max_parallel_requests", "running:k", "running", 3, None, home="k")
TPD = Quota("tokens_per_day", "tpd:k", "tokens", 1000, 86_400, home="k")
DEMAND = Demand("m", tokens=100, cost_micro_usd=0)
STALLED_S = 0.5
"""After so long a call of a test in which a server stalls is given up."""


async def admitted(counter_set: RedisCounterSet, attempts: int, name: str = "r") -> int:
    """How many of so many requests at once pass; each is settled as reserved."""
    now_s = time.time()
    taken = await asyncio.gather(
        *(counter_set.take(DEMAND, now_s, f"{name}{number}", now_s + 900) for number in range(attempts))
    )
    return sum(each.refused is None for each in taken)


async def test_what_a_dead_gateway_held_is_free_once_it_expires(redis_server: RedisServer) -> None:
    """Nobody settles it; its late settlement, if it comes, changes nothing."""
    async with redis_counters(redis_server.url, uses_server_time=False) as counters:
        tokens = counters.counter_set([TPD], 0.0)
        await tokens.take(DEMAND, 1000.0, "dead", 1900.0)
        held = await tokens.take(DEMAND, 1899.0, "second", 2799.0)
        freed = await tokens.take(DEMAND, 1900.0, "third", 2800.0)
        await tokens.settle(DEMAND, "dead", tokens=77, cost_micro_usd=0, now_s=1900.0)
        after = await tokens.take(DEMAND, 1900.0, "fourth", 2800.0)

    assert [list(each.levels) for each in (held, freed, after)] == [[200], [200], [300]]


async def test_the_places_of_a_dead_gateway_are_free_once_nobody_renews_them(
    redis_server: RedisServer,
) -> None:
    """Half a minute after the last word; those of one that lives stay for as long as its requests run."""
    async with (
        redis_counters(redis_server.url, uses_server_time=False) as dead,
        redis_counters(redis_server.url, uses_server_time=False) as alive,
    ):
        lost, held = dead.counter_set([RUNNING], 0.0), alive.counter_set([RUNNING], 0.0)
        for number in range(2):
            await lost.take(DEMAND, 1000.0, f"dead{number}", 1900.0)
        await held.take(DEMAND, 1000.0, "stream", 1900.0)
        for now_s in (1009.0, 1010.0, 1020.0, 1029.0):
            await alive.renew(now_s)
        before = await held.full(1029.9)
        after = await held.full(1030.0)
        await held.settle(DEMAND, "stream", tokens=0, cost_micro_usd=0, now_s=1030.0)
        none = await held.full(1030.0)

    assert [(each.refused, list(each.levels)) for each in (before, after, none)] == [
        (0, [3]),
        (None, [1]),
        (None, [0]),
    ]


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("most", [1, 1_000])
async def test_a_request_that_ends_while_what_runs_is_renewed_holds_no_place(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, turns: int, most: int
) -> None:
    """In whichever turn of the loop it ends: its end is never told before it is said to run."""
    monkeypatch.setattr("pulumi_groq.gateway.counters.redis.MOST_RENEWED", most)
    async with redis_counters(redis_server.url, uses_server_time=False) as counters:
        some = counters.counter_set([RUNNING], 0.0)
        names = [f"r{number}" for number in range(3)]
        for name in names:
            assert (await some.take(DEMAND, 0.0, name, 901.0)).refused is None
        counters.renewals.untold(some)
        renewing = asyncio.create_task(counters.renew(1.0))
        for _ in range(turns):
            await asyncio.sleep(0)
        for name in names:
            await some.settle(DEMAND, name, tokens=0, cost_micro_usd=0, now_s=1.0)
        await renewing
        taken = [await some.take(DEMAND, 1.0, f"next{number}", 901.0) for number in range(3)]
        assert [each.refused for each in taken] == [None, None, None]


async def test_gateways_share_the_number_that_may_run(redis_server: RedisServer) -> None:
    """Exactly so many at once, whoever serves them, and a place that one frees is the other's."""
    async with redis_counters(redis_server.url) as one, redis_counters(redis_server.url) as other:
        sets = [each.counter_set([RPD, RUNNING], 0.0) for each in (one, other)]
        taken = await asyncio.gather(
            *(each.take(DEMAND, 1.0, f"{number}{id(each)}", 901.0) for number in range(5) for each in sets)
        )
        names = [f"{number}{id(each)}" for number in range(5) for each in sets]
        ran = [name for name, each in zip(names, taken, strict=True) if each.refused is None]
        mine = sets[0] if ran[0].endswith(str(id(sets[0]))) else sets[1]
        await mine.settle(DEMAND, ran[0], tokens=0, cost_micro_usd=0, now_s=1.0)
        await mine.full(1.0)  # its answer comes after the settlement
        again = [(await each.take(DEMAND, 1.0, f"again{id(each)}", 901.0)).refused for each in sets]

    assert len(ran) == RUNNING.ceiling
    assert again == [None, 1]


async def test_what_runs_is_told_anew_to_a_server_that_has_lost_it(own_redis_server: RedisServer) -> None:
    """Requests from before the outage and of the outage itself; those that have ended are not."""
    told = Told()
    async with redis_counters(own_redis_server.url, told) as counters:
        rates = counters.counter_set([RUNNING], 0.0)
        for name in ("before", "ended"):
            await rates.take(DEMAND, 1.0, name, 901.0)
        own_redis_server.kill()
        await told.until(lambda told: told.is_down)
        await rates.settle(DEMAND, "ended", tokens=0, cost_micro_usd=0, now_s=1.0)
        meanwhile = [(await rates.take(DEMAND, 1.0, name, 901.0)).refused for name in ("down", "two", "much")]
        own_redis_server.start()
        await told.until(lambda told: not told.is_down)
        await until(lambda: own_redis_server.call("ZCARD", "pulumi-groq:{k}:running:k:holds") == ":3\r\n")
        after = await rates.take(DEMAND, 1.0, "after", 901.0)

    assert meanwhile == [None, None, 0]
    assert (after.refused, list(after.levels)) == (0, [3])


async def test_a_replica_lets_its_part_run_through_an_outage(own_redis_server: RedisServer) -> None:
    """What it serves already counts; the numbers that a client is told are of the whole limit."""
    told, running = Told(), replace(RUNNING, ceiling=6)
    async with redis_counters(own_redis_server.url, told, live_replicas=lambda: 2) as counters:
        rates = counters.counter_set([running], 0.0)
        await rates.take(DEMAND, 1.0, "before", 901.0)
        own_redis_server.kill()
        await told.until(lambda told: told.is_down)
        taken = [await rates.take(DEMAND, 1.0, f"down{number}", 901.0) for number in range(4)]

    assert [each.refused for each in taken] == [None, None, 0, 0]
    assert list(taken[2].levels) == [6]


@pytest.mark.parametrize("when_down", ["local-share", "deny"])
async def test_a_request_that_a_late_answer_admits_holds_nothing_where_it_was_refused(
    own_redis_server: RedisServer, when_down: WhenDown
) -> None:
    """The server stalls and counts it afterwards: it is told that the request is over."""
    told = Told()
    async with redis_counters(
        own_redis_server.url, told, when_down=when_down, live_replicas=lambda: 9, deadline_s=STALLED_S
    ) as counters:
        rates = counters.counter_set([RUNNING, TPD], 0.0)
        own_redis_server.stall()
        try:
            refused = (await rates.take(DEMAND, 1.0, "late", 901.0)).refused
        except CountersUnavailableError:
            refused = -1
        own_redis_server.go_on()
        await until(lambda: own_redis_server.call("EXISTS", "pulumi-groq:{k}:tpd:k") == ":1\r\n")
        await told.until(lambda told: not told.is_down)
        await until(lambda: own_redis_server.call("ZCARD", "pulumi-groq:{k}:tpd:k:holds") == ":0\r\n")
        after = own_redis_server.call("ZCARD", "pulumi-groq:{k}:running:k:holds")

    assert (refused, after) == (0 if when_down == "local-share" else -1, ":0\r\n")


async def test_a_second_settlement_does_nothing(redis_server: RedisServer) -> None:
    """One that was sent again because its answer was lost."""
    async with redis_counters(redis_server.url, uses_server_time=False) as counters:
        tokens = counters.counter_set([TPD], 0.0)
        await tokens.take(DEMAND, 1000.0, "one", 1900.0)
        for _ in range(3):
            await tokens.settle(DEMAND, "one", tokens=40, cost_micro_usd=0, now_s=1000.0)
        after = await tokens.take(DEMAND, 1000.0, "two", 1900.0)

    assert list(after.levels) == [140]


async def test_gateways_share_the_limit_on_the_servers_time(redis_server: RedisServer) -> None:
    """Two whose clocks are a day apart count as one."""
    async with redis_counters(redis_server.url) as one, redis_counters(redis_server.url) as other:
        sets = [each.counter_set([RPD], 0.0) for each in (one, other)]
        now_s = time.time()
        taken = [
            await each.take(DEMAND, now_s + skew_s, f"{number}{skew_s}", now_s + skew_s + 900)
            for number in range(40)
            for each, skew_s in zip(sets, (0, 86_400), strict=True)
        ]

    assert sum(each.refused is None for each in taken) == 50


async def test_a_request_that_was_broken_off_holds_nothing(redis_server: RedisServer) -> None:
    """Its client went away while Redis was asked."""
    async with redis_counters(redis_server.url) as counters:
        tokens = counters.counter_set([TPD], 0.0)
        task = asyncio.ensure_future(tokens.take(DEMAND, 1.0, "gone", 901.0))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        after = await tokens.take(DEMAND, 1.0, "next", 901.0)

    assert list(after.levels) == [100]


async def test_keys_go_once_nothing_is_left_in_them(redis_server: RedisServer) -> None:
    """A minute after the bucket has drained; nothing stays for ever."""
    async with redis_counters(redis_server.url) as counters:
        began_s = time.time()
        await admitted(counters.counter_set([RPD, TPD], 0.0), 3)
        ended_s = time.time()
    names = [f"pulumi-groq:{{k}}:{name}" for name in ("rpd:k", "tpd:k", "tpd:k:holds")]
    go_s = [int(redis_server.call("PEXPIRETIME", name)[1:]) / 1000 for name in names]

    requests_s, tokens_s = 3 / 50 * 86_400 + 60, 300 / 1000 * 86_400 + 900 + 60
    for at_s, kept_s in zip(go_s, (requests_s, tokens_s, tokens_s), strict=True):
        # Milliseconds are cut off, seconds rounded up.
        assert began_s + kept_s - 0.001 <= at_s <= ended_s + kept_s + 1


async def test_a_script_that_was_flushed_is_loaded_again(redis_server: RedisServer) -> None:
    """Also by a settlement, which nobody waits for."""
    async with redis_counters(redis_server.url) as counters:
        tokens = counters.counter_set([TPD], 0.0)
        redis_server.call("SCRIPT", "FLUSH")
        await tokens.take(DEMAND, 1.0, "one", 901.0)
        redis_server.call("SCRIPT", "FLUSH")
        await tokens.settle(DEMAND, "one", tokens=0, cost_micro_usd=0, now_s=1.0)
        await tokens.full(1.0)  # its answer comes after that of the settlement
        await counters.servers.keep()
        after = await tokens.take(DEMAND, 1.0, "two", 901.0)

    assert list(after.levels) == [100]


@pytest.mark.parametrize("loss", ["FLUSHALL", "DEL pulumi-groq:{k}:rpd:k"])
async def test_a_limit_that_redis_lost_is_told_to_it_anew(own_redis_server: RedisServer, loss: str) -> None:
    """As where keys are evicted, or the server is emptied: it does not begin anew."""
    async with redis_counters(own_redis_server.url, uses_server_time=False) as counters:
        requests, now_s = counters.counter_set([RPD], 1000.0), 1000.0

        async def pass_one_by_one(attempts: int) -> int:
            taken = [
                await requests.take(DEMAND, now_s, f"r{number}", now_s + 900) for number in range(attempts)
            ]
            return sum(each.refused is None for each in taken)

        before = await pass_one_by_one(40)
        own_redis_server.call(*loss.split())
        after = await pass_one_by_one(40)

    assert (before, after) == (40, 10)


async def test_what_is_held_is_free_again_where_redis_lost_who_holds_it(redis_server: RedisServer) -> None:
    """The key beside it, or its own, may be evicted: nothing is held for ever, or less than nothing."""
    async with redis_counters(redis_server.url, uses_server_time=False) as counters:
        tokens = counters.counter_set([TPD], 1000.0)
        await tokens.take(DEMAND, 1000.0, "one", 1900.0)
        redis_server.call("DEL", "pulumi-groq:{k}:tpd:k:holds")
        after_holds = await tokens.take(DEMAND, 1000.0, "two", 1900.0)
        redis_server.call("DEL", "pulumi-groq:{k}:tpd:k")
        await tokens.settle(DEMAND, "two", tokens=70, cost_micro_usd=0, now_s=1000.0)
        after_bucket = await tokens.take(DEMAND, 1000.0, "three", 1900.0)

    assert [list(each.levels) for each in (after_holds, after_bucket)] == [[100], [170]]


async def test_what_others_let_go_is_not_taken_for_lost(redis_server: RedisServer) -> None:
    """A key goes when little is in it: what another gateway only held and did not use does not come back."""
    async with (
        redis_counters(redis_server.url, uses_server_time=False) as one,
        redis_counters(redis_server.url, uses_server_time=False) as other,
    ):
        mine, others = (each.counter_set([TPD], 1000.0) for each in (one, other))
        await others.take(DEMAND._replace(tokens=800), 1000.0, "held", 1900.0)
        told = await mine.take(DEMAND, 1000.0, "mine", 1900.0)
        await mine.settle(DEMAND, "mine", tokens=0, cost_micro_usd=0, now_s=1000.0)
        await others.settle(DEMAND, "held", tokens=0, cost_micro_usd=0, now_s=1000.0)
        await others.full(1000.0)  # calls keep their order
        redis_server.call("DEL", "pulumi-groq:{k}:tpd:k")
        first = await mine.take(DEMAND, 1000.0, "next", 1900.0)
        second = await mine.take(DEMAND, 1000.0, "last", 1900.0)

    assert [list(each.levels) for each in (told, first, second)] == [[900], [100], [200]]


@pytest.mark.parametrize("how", ["killed", "stalled"])
async def test_no_more_passes_than_the_limit_through_an_outage(
    own_redis_server: RedisServer, how: str
) -> None:
    """Redis dies with all it held, or stops answering, under load, and comes back: what was admitted before,
    meanwhile and after is together the limit, and nobody was told to start anything again.
    """
    told = Told()
    async with redis_counters(own_redis_server.url, told, deadline_s=STALLED_S) as counters:
        rates = counters.counter_set([RPD], 0.0)
        before = await admitted(rates, 20, "before")
        (own_redis_server.kill if how == "killed" else own_redis_server.stall)()
        meanwhile = 0
        while not told.is_down:
            meanwhile += await admitted(rates, 1, f"meanwhile{meanwhile}")
        meanwhile += await admitted(rates, 5, "down")
        (own_redis_server.start if how == "killed" else own_redis_server.go_on)()
        await told.until(lambda told: not told.is_down)
        after = await admitted(rates, 60, "after")

    assert meanwhile >= 5
    assert before + meanwhile + after <= 50
    # A call that the stalled server made after its deadline counts twice, once here and once there.
    assert before + meanwhile + after >= 50 - 2 * 3
    assert [each.partition(":")[0] for each in told.changes] == ["up", "down", "up"]


async def test_a_replica_holds_its_part_of_the_limit_through_an_outage(own_redis_server: RedisServer) -> None:
    """All parts together are at most the limit; a limit below the number of replicas lets nothing pass."""
    told = Told()
    async with redis_counters(own_redis_server.url, told, live_replicas=lambda: 3) as counters:
        own_redis_server.kill()
        await told.until(lambda told: told.is_down)
        parts = await admitted(counters.counter_set([RPD], 0.0), 60)
        tiny = await admitted(counters.counter_set([replace(RPD, counter_key="rpd:t", ceiling=2)], 0.0), 5)

    assert (parts, tiny, told.decided) == (50 // 3, 0, 65)


async def test_a_request_settles_where_it_was_admitted(own_redis_server: RedisServer) -> None:
    """During an outage the tokens that it did not use are free again at once."""
    told = Told()
    async with redis_counters(own_redis_server.url, told) as counters:
        tokens = counters.counter_set([TPD], 0.0)
        own_redis_server.kill()
        await told.until(lambda told: told.is_down)
        await tokens.take(DEMAND._replace(tokens=950), 1.0, "one", 901.0)
        refused = await tokens.take(DEMAND, 1.0, "two", 901.0)
        await tokens.settle(DEMAND._replace(tokens=950), "one", tokens=10, cost_micro_usd=0, now_s=1.0)
        admitted_now = await tokens.take(DEMAND, 1.0, "three", 901.0)

    assert (refused.refused, admitted_now.refused, list(admitted_now.levels)) == (0, None, [110])


async def test_the_wait_that_a_part_tells_is_enough(own_redis_server: RedisServer) -> None:
    """A third of the limit drains at a third of its pace."""
    told = Told()
    async with redis_counters(own_redis_server.url, told, live_replicas=lambda: 3) as counters:
        own_redis_server.kill()
        await told.until(lambda told: told.is_down)
        rates = counters.counter_set([RPD], 0.0)
        for number in range(16):
            await rates.take(DEMAND, 0.0, f"r{number}", 900.0)
        refused = await rates.take(DEMAND, 0.0, "late", 900.0)

    wait_s = (refused.levels[0] + 1 - 50) / 50 * 86_400
    assert wait_s == pytest.approx(86_400 / 16 * 1, rel=0.05)


async def test_a_server_that_answers_and_counts_nothing_is_told_of(own_redis_server: RedisServer) -> None:
    """Its memory is full: limits are held here, once told, until it counts again."""
    told = Told()
    async with redis_counters(own_redis_server.url, told) as counters:
        rates = counters.counter_set([RPD], 0.0)
        own_redis_server.call("CONFIG", "SET", "maxmemory", "1")
        full = await admitted(rates, 60, "full")
        await counters.servers.keep()
        meanwhile = list(told.changes)
        own_redis_server.call("CONFIG", "SET", "maxmemory", "0")
        after = await admitted(rates, 60, "after")
        await told.until(lambda told: not told.is_down)

    assert (full, after) == (50, 0)
    assert meanwhile == ["up", "down: it refuses: OOM"]
    assert told.changes == [*meanwhile, "up"]


async def test_a_server_whose_memory_is_just_full_is_told_of_once_a_round(
    own_redis_server: RedisServer,
) -> None:
    """However often it refuses one call and takes the next: else the log had two lines for each."""
    told = Told()
    servers = RedisServers(parse_redis_url(own_redis_server.url), SCRIPT, told, deadline_s=60)
    rates = RedisCounters(servers, told).counter_set([RPD], 0.0)
    await servers.keep()
    for number in range(3):
        for most in ("1", "0"):
            own_redis_server.call("CONFIG", "SET", "maxmemory", most)
            await admitted(rates, 1, f"{number}-{most}")
    in_between = list(told.changes)
    await servers.keep()
    servers.close()
    assert in_between == ["up", "down: it refuses: OOM"]
    assert told.changes == [*in_between, "up"]


async def test_deny_lets_nothing_pass_without_redis(own_redis_server: RedisServer) -> None:
    """Neither a request nor the look ahead of one."""
    told = Told()
    async with redis_counters(own_redis_server.url, told, when_down="deny") as counters:
        rates = counters.counter_set([RPD], 0.0)
        assert await admitted(rates, 3) == 3
        own_redis_server.kill()
        await told.until(lambda told: told.is_down)
        with pytest.raises(CountersUnavailableError):
            await rates.take(DEMAND, 1.0, "r", 901.0)
        with pytest.raises(CountersUnavailableError):
            await rates.full(1.0)
        own_redis_server.start()
        await told.until(lambda told: not told.is_down)
        assert await admitted(rates, 60, "again") == 47


async def test_tls_and_a_password() -> None:
    """With the server's authority named; without it, or with another password, nothing is sent."""
    server = RedisServer("--requirepass", PASSWORD, tls=True)
    options = f"?ca_file={quote(str(server.ca_file))}"
    try:
        url = f"rediss://:{PASSWORD}@127.0.0.1:{server.port}/3{options}"
        async with redis_counters(url) as counters:
            assert await admitted(counters.counter_set([RPD], 0.0), 60) == 50
        told = Told()
        servers = await _once(f"rediss://:wrong@127.0.0.1:{server.port}{options}", told)
        assert servers == "down: it refuses: WRONGPASS"
        assert (await _once(f"rediss://127.0.0.1:{server.port}", Told())).startswith("down: ")
    finally:
        server.close()


async def _once(url: str, told: Told) -> str:
    """What is told after one round."""

    servers = RedisServers(parse_redis_url(url), SCRIPT, told)
    await servers.keep()
    servers.close()
    return told.changes[-1]


async def test_a_cluster_is_asked_where_the_key_is_and_followed_when_it_moves() -> None:
    """Each key's buckets are on one node; slots that move take their keys along."""
    with cluster() as nodes:
        await _whole(nodes)
        told = Told()
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        async with redis_counters(url, told) as counters:
            names = [f"k{number}" for number in range(20)]
            sets = [
                counters.counter_set(
                    [replace(RPD, home=name, counter_key=f"rpd:{name}"), tokens_of(name)], 0.0
                )
                for name in names
            ]
            assert [await admitted(each, 12, name) for each, name in zip(sets, names, strict=True)] == [
                10
            ] * 20
            assert min(int(node.call("DBSIZE")[1:]) for node in nodes) > 0
            moved = next(place for place, name in enumerate(names) if slot_of(name) < 5461)
            _move_slot(nodes[0], nodes[1], slot_of(names[moved]))
            assert await admitted(sets[moved], 12, "moved") == 0
            assert told.changes == ["up"]


def tokens_of(name: str) -> Quota:
    """Ten requests fit it."""
    return replace(TPD, home=name, counter_key=f"tpd:{name}")


def _move_slot(source: RedisServer, target: RedisServer, slot: int) -> None:
    ids = {node: node.call("CLUSTER", "MYID").splitlines()[1] for node in (source, target)}
    target.call("CLUSTER", "SETSLOT", str(slot), "IMPORTING", ids[source])
    source.call("CLUSTER", "SETSLOT", str(slot), "MIGRATING", ids[target])
    keys = source.call("CLUSTER", "GETKEYSINSLOT", str(slot), "100").split("\r\n")[2::2]
    assert source.call("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys) == "+OK\r\n"
    for node in (target, source):
        assert node.call("CLUSTER", "SETSLOT", str(slot), "NODE", ids[target]) == "+OK\r\n"


async def _whole(nodes: list[RedisServer]) -> None:
    await until(lambda: all("cluster_state:ok" in node.call("CLUSTER", "INFO") for node in nodes))


async def test_sentinels_lead_to_the_replica_that_takes_over() -> None:
    """The server dies, its replica is promoted: no more passes than the limit, and nothing is restarted."""
    first = RedisServer()
    second = RedisServer("--replicaof", "127.0.0.1", str(first.port), "--repl-diskless-sync-delay", "0")
    sentinel = RedisServer(sentinel=True)
    told = Told()
    try:
        sentinel.call("SENTINEL", "MONITOR", "rates", "127.0.0.1", str(first.port), "1")
        sentinel.call("SENTINEL", "SET", "rates", "down-after-milliseconds", "300")
        await until(lambda: "master_link_status:up" in second.call("INFO", "replication"))
        await until(lambda: str(second.port) in sentinel.call("SENTINEL", "REPLICAS", "rates"))
        async with redis_counters(f"redis+sentinel://127.0.0.1:{sentinel.port}/rates", told) as counters:
            rates = counters.counter_set([RPD], 0.0)
            before = await admitted(rates, 20, "before")
            first.kill()
            await told.until(lambda told: told.is_down)
            meanwhile = await admitted(rates, 10, "down")
            await told.until(lambda told: not told.is_down)
            after = await admitted(rates, 60, "after")
        assert "rpd" in second.call("KEYS", "*")
    finally:
        for server in (first, second, sentinel):
            server.close()

    assert (before, meanwhile, after) == (20, 10, 20)


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "redis://",
        "redis://a,b",
        "redis://host:0",
        "redis://host/x",
        "redis://host/0/1",
        "redis://host?x=1",
        "redis+sentinel://host",
        "redis+cluster://host/1",
        "redis://:secret@host:port",
    ],
)
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    """In one line that does not show the password."""
    with pytest.raises(ConfigurationError, match="--counters is no URL of Redis") as refused:
        parse_redis_url(url)
    assert "secret" not in str(refused.value)


def test_a_password_is_sent_encrypted_only() -> None:
    """Or to this machine; its text shows nowhere."""
    with pytest.raises(ConfigurationError, match="unencrypted: use rediss") as refused:
        parse_redis_url("redis://user:secret@db.example.com")
    address = parse_redis_url("rediss+sentinel://user:se%40cret@one.example.com,two:1/name/2")

    assert "secret" not in str(refused.value)
    assert (address.username, address.password, address.service, address.database) == (
        "user",
        "se@cret",
        "name",
        2,
    )
    assert address.hosts == (("one.example.com", 26379), ("two", 1))
    assert "se@cret" not in repr(address)
