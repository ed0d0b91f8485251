"""Which attempts are made again, when, and when a call gives up."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.admin.answers import AnswerReader
from pulumi_groq.admin.retry import Backoff
from pulumi_groq.admin.sending import Call, Sender
from pulumi_groq.admin.settings import Redaction
from pulumi_groq.admin.transport import RetryingTransport
from pulumi_groq.errors import ApiError, NoAnswerError, NotFoundError, RateLimitError, ServerError
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import TeamSettings

KEY_ID = "key_01000000000000000000000001"
NEW_KEY = ApiKeyCreate(name="key-1", allowed_models=["openai/gpt-oss-20b"])
TRANSPORT_ERRORS = [
    httpx.ConnectError("[Errno 111] Connection refused"),
    httpx.ConnectTimeout("timed out"),
    httpx.ReadError("[Errno 104] Connection reset by peer"),
    httpx.ReadTimeout("timed out"),
    httpx.WriteError("broken pipe"),
    httpx.WriteTimeout("timed out"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.ProxyError("503 Service Unavailable"),
]
CALLS: dict[str, Callable[[AdminClient], object]] = {
    "GET": lambda client: client.get_key(KEY_ID),
    "POST": lambda client: client.create_key(NEW_KEY, "token"),
    "PATCH": lambda client: client.update_key(KEY_ID, ApiKeyUpdate(disabled=True)),
    "DELETE": lambda client: client.delete_key(KEY_ID),
    "PUT": lambda client: client.put_team("a", TeamSettings(allowed_models=["m"])),
    "PUT policy": lambda client: client.put_spend_policy(
        SpendPolicySettings.model_validate({"monthly_cap_usd": 5})
    ),
}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_statuses_are_tried_again(
    status: int, make_client: Any, script: Any, answer: Any, key_body: Any
) -> None:
    """A status that may be gone at the next attempt is not the caller's business."""
    server = script(answer(status, b"<html>"), answer(200, key_body()))
    assert make_client(server).get_key(KEY_ID).id == KEY_ID
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422, 501, 505])
def test_final_statuses_are_not_tried_again(status: int, make_client: Any, script: Any, refusal: Any) -> None:
    """What will be refused again is sent once."""
    server = script(refusal(status))
    with pytest.raises(ApiError):
        make_client(server).get_key(KEY_ID)
    assert len(server.requests) == 1


@pytest.mark.parametrize("error", TRANSPORT_ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", CALLS)
def test_connection_failures_are_tried_again(
    error: httpx.TransportError, method: str, make_client: Any, script: Any, refusal: Any, broken: Any
) -> None:
    """Whatever breaks the connection, every call is sent again: a create carries its idempotency key."""
    server = script(broken(error), refusal(409, "stop"))
    with pytest.raises(ApiError):
        CALLS[method](make_client(server))
    assert len(server.requests) == 2


def test_create_repeats_body_and_idempotency_key(
    make_client: Any, script: Any, answer: Any, broken: Any, key_body: Any
) -> None:
    """The second attempt of a create is the same request, so the server gives the same key."""
    created = answer(201, key_body(api_key="pgq_x"), {"idempotent-replayed": "true"})
    server = script(broken(httpx.ReadError("reset")), created)
    assert make_client(server).create_key(NEW_KEY, "token").replayed
    first, second = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "token"
    assert first.content == second.content


@pytest.fixture
def make_transport(settings: AdminSettings, fake_time: Any) -> Iterator[Callable[..., RetryingTransport]]:
    senders: list[Sender] = []

    def make(handler: Callable[[httpx.Request], httpx.Response]) -> RetryingTransport:
        redaction = Redaction(settings.admin_key)
        sender = Sender(
            settings,
            redaction,
            httpx.MockTransport(handler),
            lambda: datetime.now(UTC),
            fake_time.clock,
        )
        senders.append(sender)
        reader = AnswerReader(settings, redaction)
        seams = {"clock": fake_time.clock, "sleep": fake_time.sleep, "random": lambda: 1.0}
        return RetryingTransport(sender, reader, **seams, deadline_s=120.0, backoff=Backoff())

    yield make
    for sender in senders:
        sender.close()


@pytest.mark.parametrize(
    ("failure", "raised"), [("status", ServerError), ("connection", NoAnswerError), ("limit", RateLimitError)]
)
def test_post_without_idempotency_key_is_sent_once(
    failure: str, raised: type[Exception], make_transport: Any, script: Any, refusal: Any, broken: Any
) -> None:
    """A POST that the server cannot recognise might be done twice, so nothing sends it again."""
    steps = {
        "status": refusal(503, headers={"retry-after": "1"}),
        "connection": broken(httpx.ConnectError("refused")),
        "limit": refusal(429, headers={"retry-after": "1"}),
    }
    server = script(steps[failure])
    with pytest.raises(raised):
        make_transport(server).send(Call("do something", "POST", "/openai/v1/api-keys", body="{}"))
    assert len(server.requests) == 1


def test_waits_grow_and_end_after_seven_attempts(
    make_client: Any, script: Any, answer: Any, fake_time: Any
) -> None:
    """Without word from the server, the waits double up to 8 s, and the seventh failure is final."""
    server = script(answer(500, b""))
    with pytest.raises(ServerError) as caught:
        make_client(server).usage()
    assert fake_time.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(server.requests) == 7
    assert "gave up after 7 attempts in 16 s" in str(caught.value)


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("timed out")])
def test_server_that_was_never_reached_is_tried_for_a_second(
    error: httpx.TransportError, make_client: Any, script: Any, broken: Any, fake_time: Any
) -> None:
    """Most likely the address is wrong or nothing runs there: who asks is told at once."""
    server = script(broken(error))
    with pytest.raises(NoAnswerError, match="tried 3 times; check that the gateway runs there"):
        make_client(server).usage()
    assert fake_time.slept == [0.25, 0.5]


def test_server_that_was_reached_is_waited_for(
    make_client: Any, script: Any, broken: Any, answer: Any, usage_body: Any, fake_time: Any
) -> None:
    """A restart in the middle of a run is bridged, however the earlier call ended."""
    refused = [broken(httpx.ConnectError("refused"))] * 6
    client = make_client(script(answer(404, b""), *refused, answer(200, usage_body)))
    with pytest.raises(ApiError):
        client.get_key(KEY_ID)
    assert client.usage().month == "2026-11"
    assert fake_time.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]


def test_reads_wait_once_for_a_server_that_is_away(
    make_client: Any, script: Any, answer: Any, usage_body: Any, fake_time: Any
) -> None:
    """What asks again and again, as a preview of many keys does, is told at once until there is an answer."""
    away, there = answer(503, b""), answer(200, usage_body)
    client = make_client(script(*[away] * 8, there, *[away] * 2, there))
    with pytest.raises(ServerError, match="gave up after 7 attempts"):
        client.usage()
    waited = len(fake_time.slept)
    with pytest.raises(ServerError, match="an earlier call has waited for it in vain"):
        client.usage()
    client.usage()
    assert len(fake_time.slept) == waited
    client.usage()
    assert len(fake_time.slept) == waited + 2


def test_writes_wait_for_a_server_that_is_away(
    make_client: Any, script: Any, answer: Any, key_body: Any
) -> None:
    """What was begun is to be finished: a write is tried as often as ever."""
    client = make_client(script(*[answer(503, b"")] * 9, answer(200, key_body())))
    with pytest.raises(ServerError):
        client.usage()
    assert client.update_key(KEY_ID, ApiKeyUpdate(disabled=True)).id == KEY_ID


@pytest.mark.parametrize("away", ["refused", "proxied"])
def test_run_that_has_begun_waits_for_half_a_minute(
    away: str, make_client: Any, script: Any, answer: Any, broken: Any, key_body: Any, fake_time: Any
) -> None:
    """A gateway that restarts in mid-run takes longer than seven quick attempts, whatever they draw."""
    failing = broken(httpx.ConnectError("refused")) if away == "refused" else answer(502, b"<html>")
    client = make_client(script(answer(200, key_body()), failing), random=lambda: 0.5)
    client.update_key(KEY_ID, ApiKeyUpdate(disabled=True))
    began = fake_time.now
    with pytest.raises((NoAnswerError, ServerError), match=r"gave up after \d+ attempts in 2\d s"):
        client.get_key(KEY_ID)
    assert 20 < fake_time.now - began <= 30


def test_wait_is_drawn_at_random(make_client: Any, script: Any, answer: Any, fake_time: Any) -> None:
    """Full jitter: a draw of 0 does not wait at all."""
    with pytest.raises(ServerError):
        make_client(script(answer(500, b"")), random=lambda: 0.0).usage()
    assert fake_time.slept == [0.0] * 6


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:09 GMT", "date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 9.0),
        ({"retry-after": "0"}, 0.25),
        ({"retry-after-ms": "10"}, 0.25),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_server_says_when_to_come_back(
    status: int,
    headers: dict[str, str],
    wait_s: float,
    make_client: Any,
    script: Any,
    refusal: Any,
    answer: Any,
    usage_body: Any,
    fake_time: Any,
) -> None:
    """The wait is at least what the server asks for, and at least what backoff would be."""
    make_client(script(refusal(status, headers=headers), answer(200, usage_body))).usage()
    assert fake_time.slept == [wait_s]


def test_obedient_waits_are_not_counted(
    make_client: Any, script: Any, refusal: Any, answer: Any, usage_body: Any
) -> None:
    """A crowd that is told to queue gets through, however often it was its turn to wait."""
    steps = [refusal(429, headers={"retry-after": "8"})] * 12
    server = script(*steps, answer(200, usage_body))
    make_client(server).usage()
    assert len(server.requests) == 13


def test_wait_beyond_the_deadline_fails_at_once(
    make_client: Any, script: Any, refusal: Any, fake_time: Any
) -> None:
    """Nobody sits out a wait that cannot end in time; the message says how long it would be."""
    with pytest.raises(RateLimitError) as caught:
        make_client(script(refusal(429, headers={"retry-after": "300"}))).usage()
    assert fake_time.slept == []
    assert caught.value.retry_after_s == 300.0
    assert "the wait of 300.0 s is longer than the 120.0 s left of 120 s" in str(caught.value)


def test_deadline_covers_all_attempts(make_client: Any, script: Any, refusal: Any, fake_time: Any) -> None:
    """Waits that fit one by one still end where the call's time ends."""
    with pytest.raises(RateLimitError):
        make_client(script(refusal(429, headers={"retry-after": "50"}))).usage()
    assert fake_time.slept == [50.0, 50.0]


def test_far_off_time_does_not_lock_later_calls(
    make_client: Any, script: Any, refusal: Any, answer: Any, usage_body: Any, fake_time: Any
) -> None:
    """A server that says "come back tomorrow" is asked again by a call one deadline later."""
    client = make_client(script(refusal(429, headers={"retry-after": "86400"}), answer(200, usage_body)))
    with pytest.raises(RateLimitError):
        client.usage()
    fake_time.now += 120
    assert client.usage().month == "2026-11"


def test_each_page_is_tried_again_by_itself(
    make_client: Any, script: Any, refusal: Any, key_pages: Any
) -> None:
    """A failure on page 2 does not list page 1 again."""
    pages = key_pages(150)
    server = script(pages, refusal(503), pages)
    assert len(list(make_client(server).list_keys())) == 150
    assert ["after" in request.url.params for request in server.requests] == [False, True, True]


def test_delete_whose_answer_was_lost_succeeds(
    make_client: Any, script: Any, refusal: Any, broken: Any
) -> None:
    """The second attempt finds the key gone, which is what the caller wants."""
    server = script(broken(httpx.ReadError("reset")), refusal(404, "api_key_not_found"))
    make_client(server).delete_key(KEY_ID)
    assert server.lines == [f"DELETE /openai/v1/api-keys/{KEY_ID}"] * 2


def test_read_after_a_passing_failure_may_find_nothing(
    make_client: Any, script: Any, refusal: Any, broken: Any
) -> None:
    """Only the server's own 404 says that a key is gone, whatever came before it."""
    server = script(broken(httpx.ConnectError("refused")), refusal(404, "api_key_not_found"))
    with pytest.raises(NotFoundError):
        make_client(server).get_key(KEY_ID)


def test_time_that_ran_out_in_an_attempt_ends_the_call(make_client: Any, script: Any, fake_time: Any) -> None:
    """A slow failure that used up the time is not followed by another attempt."""

    def stall(request: httpx.Request) -> httpx.Response:
        fake_time.now += 121
        raise httpx.ReadTimeout("timed out")

    server = script(stall)
    with pytest.raises(NoAnswerError, match="the server stayed silent for too long"):
        make_client(server).usage()
    assert len(server.requests) == 1


def test_sleep_that_lasts_too_long_ends_the_call(
    make_client: Any, script: Any, refusal: Any, fake_time: Any
) -> None:
    """A machine that was suspended during a wait sends nothing more for a call whose time is over."""

    def oversleep(duration_s: float) -> None:
        fake_time.sleep(duration_s + 3600)

    server = script(refusal(500))
    with pytest.raises(NoAnswerError, match="its 120 s are over"):
        make_client(server, sleep=oversleep).usage()
    assert len(server.requests) == 1


def test_timeouts_shrink_with_the_deadline(
    make_client: Any, script: Any, refusal: Any, fake_time: Any
) -> None:
    """An attempt late in the call waits no longer for the server than the call may last."""
    server = script(refusal(429, headers={"retry-after": "110"}))
    with pytest.raises(RateLimitError):
        make_client(server).usage()
    first, second = (request.extensions["timeout"] for request in server.requests)
    assert (first["connect"], first["read"]) == (5.0, 30.0)
    assert (second["connect"], second["read"]) == (5.0, 10.0)
