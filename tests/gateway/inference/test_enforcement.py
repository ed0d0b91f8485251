"""The plane with the real metering: what is declared holds under parallel traffic."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import empty_store
from pulumi_groq.gateway.health import Background, Health
from pulumi_groq.gateway.inference.upstream import UpstreamCall, UpstreamUnreachableError
from pulumi_groq.gateway.metering.alert_delivery import WebhookAnswer
from pulumi_groq.gateway.metering.opening import open_metering
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.metrics import GatewayMetrics
from pulumi_groq.policy.access import Limits, OrganisationPolicy

KEY = "pgq_" + "A" * 48
OTHER = "pgq_" + "B" * 48
CALLERS = 200


class NoWebhooks:
    """No policy here has a URL."""

    async def post(self, url: str, body: bytes, headers: Any) -> WebhookAnswer:
        raise AssertionError(url)

    async def close(self) -> None:
        return None


def chat(**change: Any) -> bytes:
    body = {
        "model": "openai/gpt-oss-20b",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "a b c"}],
    }
    return json.dumps(body | change).encode()


@pytest.fixture
def metered(
    bench: Callable[..., Any], tmp_path: Path
) -> Iterator[Callable[..., tuple[Any, MeteringService]]]:
    """Makes a plane with the real metering over a store of its own."""
    opened: list[Any] = []

    def make(**options: Any) -> tuple[Any, MeteringService]:
        made: list[MeteringService] = []
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        store = empty_store.open_at(folder / "gateway.db")

        def real(clock: Any, directory: Any) -> Any:
            metrics = GatewayMetrics()
            service = open_metering(
                store=store,
                journal_directory=folder / "journal",
                directory=directory,
                clock=clock,
                events=metrics,
                background=Background(Health(metrics)),
                sender=NoWebhooks(),
                random=Random(1),  # noqa: S311  jitter, no secret
            )
            made.append(service)
            return service.metering

        plane = bench(real_metering=real, **options)
        opened.append((made[0], store))
        return plane, made[0]

    yield make
    for service, store in opened:
        service.ledger.close()
        store.close()


def scope(key: str = KEY) -> dict[str, Any]:
    path = "/openai/v1/chat/completions"
    headers = [(b"authorization", f"Bearer {key}".encode())]
    return {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}


async def at_once(made: Any, gate: asyncio.Event, body: bytes) -> list[Any]:
    """All callers' requests in flight before the first answer."""
    callers = [asyncio.create_task(made.drive(scope(), body)) for _ in range(CALLERS)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(made.records) + made.plane.drain.running == CALLERS
    gate.set()
    return await asyncio.gather(*callers)


async def test_nothing_passes_the_cap_however_many_come_at_once(metered: Callable[..., Any]) -> None:
    """200 requests at once at a cap for about 9: the rest is refused, none of it goes upstream."""
    gate = asyncio.Event()
    made, service = metered(sleep=lambda _: gate.wait())
    made.directory.organisation = OrganisationPolicy(3_000, (), auto_pause=True)
    answers = await at_once(made, gate, chat())
    served = [answer for answer in answers if answer.status == 200]
    refused = [json.loads(answer.body)["error"]["code"] for answer in answers if answer.status != 200]
    assert 5 <= len(served) <= 10
    assert refused == ["rate_limit_exceeded"] * (CALLERS - len(served))
    assert made.echo.calls.total() == len(served)
    assert 0 < service.usage.month_spend_micro_usd(made.clock.now()) <= 3_000
    assert service.metering.open_reservations == 0


async def test_a_burst_is_held_to_the_requests_per_minute(metered: Callable[..., Any]) -> None:
    """Of 200 requests at once a key with 20 a minute gets 20, the others the time to wait."""
    gate = asyncio.Event()
    made, _ = metered(sleep=lambda _: gate.wait())
    made.directory.add(KEY, limits=Limits(requests_per_minute=20))
    answers = await at_once(made, gate, chat())
    refused = [answer for answer in answers if answer.status == 429]
    assert (len(refused), made.echo.calls.total()) == (CALLERS - 20, 20)
    assert {answer.headers[b"retry-after"] for answer in refused} == {b"3"}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_key_runs_no_more_at_once_than_it_may(metered: Callable[..., Any], stream: bool) -> None:
    """Of 200 at once three are served, streams to their end; then all three places are free again."""
    gate = asyncio.Event()
    made, _ = metered(sleep=lambda _: gate.wait())
    made.directory.add(KEY, limits=Limits(max_parallel_requests=3))
    answers = await at_once(made, gate, chat(stream=stream))
    refused = [answer for answer in answers if answer.status == 429]
    assert (len(refused), made.echo.calls.total()) == (CALLERS - 3, 3)
    assert {answer.headers[b"retry-after"] for answer in refused} == {b"1"}
    again = await asyncio.gather(*(made.drive(scope(), chat(stream=stream)) for _ in range(3)))
    assert [answer.status for answer in again] == [200] * 3


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_is_cut_off_frees_its_place(metered: Callable[..., Any], stream: bool) -> None:
    """A cancelled request, whatever it waited for, runs no more."""
    gate = asyncio.Event()
    made, _ = metered(sleep=lambda _: gate.wait())
    made.directory.add(KEY, limits=Limits(max_parallel_requests=1))
    running = asyncio.create_task(made.drive(scope(), chat(stream=stream)))
    for _ in range(50):
        await asyncio.sleep(0)
    assert (await made.drive(scope(), chat())).status == 429
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gate.set()
    assert (await made.drive(scope(), chat())).status == 200


def test_an_upstream_that_fails_frees_the_place(metered: Callable[..., Any]) -> None:
    """Whatever goes wrong there, the next request finds its place free."""

    class Broken:
        """Answers nothing."""

        async def send(self, call: UpstreamCall) -> Any:
            raise UpstreamUnreachableError(call.path)

    made, _ = metered(upstream=Broken())
    made.directory.add(KEY, limits=Limits(max_parallel_requests=1))
    for _ in range(3):
        assert made.post("chat/completions", chat()).status in (502, 503)


def test_a_change_of_policy_holds_for_the_next_request(metered: Callable[..., Any]) -> None:
    """A cap, a raise of it, and a key taken away are in force at once."""
    made, _ = metered()
    statuses = []
    for change in (
        lambda: setattr(made.directory, "organisation", OrganisationPolicy(1, (), auto_pause=True)),
        lambda: setattr(made.directory, "organisation", OrganisationPolicy(10**9, (), auto_pause=True)),
        lambda: made.directory.add(KEY, disabled=True),
    ):
        change()
        statuses.append(made.post("chat/completions", chat()).status)
    assert statuses == [400, 200, 401]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cap=st.integers(min_value=1, max_value=2_000),
    requests=st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=3_000), st.integers(min_value=1, max_value=60), st.booleans()
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_spend_stays_within_the_cap_and_usage_agrees_with_the_echo(
    metered: Callable[..., Any], cap: int, requests: list[tuple[int, int, bool]]
) -> None:
    """Whatever is asked for in whatever order, the cap holds, and the books say what the echo said."""
    made, service = metered()
    made.directory.organisation = OrganisationPolicy(cap, (), auto_pause=True)
    stated = 0
    for max_tokens, words, stream in requests:
        content = " word" * words
        body = chat(max_tokens=max_tokens, stream=stream, messages=[{"role": "user", "content": content}])
        answer = made.post("chat/completions", body)
        assert answer.status in (200, 400)
        if answer.status == 200:
            record = made.records[-1]
            assert record.completion_tokens == min(words, max_tokens)
            stated += record.cost_micro_usd
    assert service.usage.month_spend_micro_usd(made.clock.now()) == stated <= cap
    assert made.echo.calls.total() == sum(record.status == 200 for record in made.records)


class ManyTokensRead:
    """An answer that states a prompt far above the request's body."""

    status = 200
    headers = ((b"content-type", b"application/json"),)

    def __init__(self) -> None:
        self._pieces = [b'{"usage":{"prompt_tokens":60000,"completion_tokens":5,"total_tokens":60005}}', b""]

    async def next_piece(self) -> bytes:
        return self._pieces.pop(0)

    def close(self) -> None:
        return None


class Reader:
    """An upstream that reads a lot beyond the body, after all callers have come."""

    def __init__(self) -> None:
        self.calls = 0

    async def send(self, call: UpstreamCall) -> ManyTokensRead:
        assert call.body
        self.calls += 1
        for _ in range(300):
            await asyncio.sleep(0)
        return ManyTokensRead()


@pytest.mark.parametrize(
    ("budget_micro_usd", "allowed", "code"),
    [
        (5_000, frozenset(), "tool_not_allowed"),
        (5_000, frozenset({"image_urls"}), "key_budget_exceeded"),
        (100_000, frozenset({"image_urls"}), "rate_limit_exceeded"),
    ],
)
async def test_what_is_read_elsewhere_never_passes_the_budget(
    metered: Callable[..., Any], budget_micro_usd: int, allowed: frozenset[str], code: str
) -> None:
    """60,000 tokens of prompt behind a body of 200 bytes, by many requests at once."""
    upstream = Reader()
    made, service = metered(upstream=upstream)
    made.directory.add(KEY, tools=allowed, monthly_budget_micro_usd=budget_micro_usd)
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    body = chat(messages=[{"role": "user", "content": [picture]}])
    answers = await asyncio.gather(*(made.drive(scope(), body) for _ in range(100)))
    refused = [json.loads(answer.body)["error"]["code"] for answer in answers if answer.status != 200]
    assert set(refused) == {code}
    assert len(refused) == 100 - upstream.calls
    assert (upstream.calls > 0) == (budget_micro_usd > 10_000)
    spent = service.usage.month_spend_micro_usd(made.clock.now())
    assert spent == upstream.calls * 4_502
    assert spent <= budget_micro_usd


def error(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)["error"]
    return found


def test_a_refusal_names_the_largest_output_that_passes(metered: Callable[..., Any]) -> None:
    """Nothing spent, budget 0.003 USD, no limit of the request's own: with the figure told it passes, with
    one more it is refused again.
    """
    made, _ = metered()
    made.directory.add(KEY, monthly_budget_micro_usd=3_000)
    body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]}

    def post(**change: Any) -> Any:
        return made.post("chat/completions", json.dumps(body | change).encode())

    refused = post()
    message = error(refused)["message"]
    figure = int(message.split("max_completion_tokens to at most ")[1].split()[0])

    assert (refused.status, error(refused)["code"]) == (400, "key_budget_exceeded")
    assert "Limit $0.003, Spent $0, Reserved $0, Requested $0.0" in message
    assert b"retry-after" not in refused.headers
    assert post(max_completion_tokens=figure + 1).status == 400
    assert post(max_completion_tokens=figure).status == 200


async def test_what_others_have_reserved_is_waited_for(metered: Callable[..., Any]) -> None:
    """While a request holds the budget the next is 429; once that is settled the same one passes."""
    gate = asyncio.Event()
    made, _ = metered(sleep=lambda _: gate.wait())
    made.directory.add(KEY, monthly_budget_micro_usd=500)
    holding = asyncio.create_task(made.drive(scope(), chat()))
    for _ in range(50):
        await asyncio.sleep(0)
    meanwhile = await made.drive(scope(), chat())
    gate.set()
    first, later = await holding, await made.drive(scope(), chat())

    assert (first.status, meanwhile.status, later.status) == (200, 429, 200)
    assert (error(meanwhile)["type"], error(meanwhile)["code"]) == ("spend", "rate_limit_exceeded")
    assert meanwhile.headers[b"retry-after"] == b"5"
