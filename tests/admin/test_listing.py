"""Many reads from one list."""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from patience import until
from pulumi_groq.admin import AdminClient, KeyListing
from pulumi_groq.errors import InvalidApiKeyError, NotFoundError, ServerError

OWNER = "acme/groq/dev"
LIST = "GET /openai/v1/api-keys?limit=100&managed_by=acme%2Fgroq%2Fdev"
PATIENCE_S = 60


def key_id(number: int) -> str:
    return f"key_01{number:024d}"


@pytest.fixture
def make_listing(make_client: Callable[..., AdminClient], fake_time: Any) -> Callable[[Any], KeyListing]:
    return lambda handler: KeyListing(make_client(handler), fake_time.clock, max_age_s=30)


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (20, 1), (100, 1), (200, 2), (201, 3)])
def test_reading_all_keys_costs_a_request_per_hundred(
    count: int, requests: int, make_listing: Any, script: Any, key_pages: Any
) -> None:
    """A refresh of N keys is ceil(N / 100) requests."""
    server = script(key_pages(count))
    listing = make_listing(server)
    names = [listing.get(key_id(number), OWNER).name for number in range(1, count + 1)]
    assert names == [f"key-{number}" for number in range(1, count + 1)]
    assert len(server.requests) == requests


def test_key_that_is_not_listed_is_read_by_itself(make_listing: Any, script: Any, key_pages: Any) -> None:
    """A key that the list lacks may still exist, under another owner: the server is asked."""
    pages = key_pages(2)

    def one_of_two(request: httpx.Request) -> httpx.Response:
        response: httpx.Response = pages(request)
        body = response.json()
        return httpx.Response(200, json=body | {"data": body["data"][:1]}) if "data" in body else response

    server = script(one_of_two)
    assert make_listing(server).get(key_id(2), OWNER).name == "key-2"
    assert server.lines == [LIST, f"GET /openai/v1/api-keys/{key_id(2)}"]


def test_only_the_servers_404_means_gone(make_listing: Any, script: Any, key_pages: Any) -> None:
    """A key that neither the list nor the read knows is gone."""
    server = script(key_pages(1))
    with pytest.raises(NotFoundError):
        make_listing(server).get(key_id(9), OWNER)
    assert server.lines == [LIST, f"GET /openai/v1/api-keys/{key_id(9)}"]


def test_list_that_fails_does_not_mean_gone(make_listing: Any, refusal: Any) -> None:
    """A failed list raises what failed."""
    with pytest.raises(InvalidApiKeyError):
        make_listing(refusal(401, "invalid_api_key")).get(key_id(1), OWNER)


def test_key_without_owner_is_read_by_itself(make_listing: Any, script: Any, key_pages: Any) -> None:
    """Keys that nobody declared are not listed: there may be any number of them."""
    server = script(key_pages(1))
    assert make_listing(server).get(key_id(1), None).name == "key-1"
    assert server.lines == [f"GET /openai/v1/api-keys/{key_id(1)}"]


def test_each_owner_has_its_own_list(make_listing: Any, script: Any, key_pages: Any) -> None:
    """Two stacks are two lists."""
    server = script(key_pages(1))
    listing = make_listing(server)
    for owner in (OWNER, "other", OWNER, "other"):
        listing.get(key_id(1), owner)
    assert server.lines == [LIST, "GET /openai/v1/api-keys?limit=100&managed_by=other"]


@pytest.mark.parametrize(("age_s", "lists"), [(30, 1), (31, 2)])
def test_old_list_is_read_anew(
    age_s: float, lists: int, make_listing: Any, script: Any, key_pages: Any, fake_time: Any
) -> None:
    """A list answers for at most 30 seconds from when it began."""
    server = script(key_pages(1))
    listing = make_listing(server)
    listing.get(key_id(1), OWNER)
    fake_time.now += age_s
    listing.get(key_id(1), OWNER)
    assert server.lines == [LIST] * lists


def test_nothing_from_before_a_write_is_read_after_it(make_listing: Any, script: Any, key_pages: Any) -> None:
    """After forget() the next read lists anew."""
    server = script(key_pages(1))
    listing = make_listing(server)
    listing.get(key_id(1), OWNER)
    listing.forget()
    listing.get(key_id(1), OWNER)
    assert server.lines == [LIST] * 2


def test_list_under_way_during_a_write_is_not_kept(
    make_client: Any, script: Any, key_pages: Any, fake_time: Any
) -> None:
    """A list that began before a write may have missed it, so no later read uses it."""
    pages = key_pages(1)

    def write_meanwhile(request: httpx.Request) -> httpx.Response:
        listing.forget()
        response: httpx.Response = pages(request)
        return response

    server = script(write_meanwhile, pages)
    listing = KeyListing(make_client(server), fake_time.clock)
    listing.get(key_id(1), OWNER)
    listing.get(key_id(1), OWNER)
    assert server.lines == [LIST] * 2


def test_threads_share_one_list(make_client: Any, script: Any, key_pages: Any, fake_time: Any) -> None:
    """Eight threads that read at once cost one list."""
    pages = key_pages(8)
    all_reading = threading.Barrier(8)
    listed = threading.Event()

    def list_when_all_read(request: httpx.Request) -> httpx.Response:
        assert listed.wait(PATIENCE_S)
        response: httpx.Response = pages(request)
        return response

    def read(number: int) -> str:
        if all_reading.wait(PATIENCE_S) == 0:
            listed.set()
        return listing.get(key_id(number), OWNER).name

    server = script(list_when_all_read)
    listing = KeyListing(make_client(server), fake_time.clock)
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(read, range(1, 9)))
    assert names == [f"key-{number}" for number in range(1, 9)]
    assert server.lines == [LIST]


def waits(thread: threading.Thread) -> bool:
    """Whether it waits for another one."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code is threading.Condition.wait.__code__


def test_threads_share_one_failure(make_client: Any, script: Any, refusal: Any, fake_time: Any) -> None:
    """A thread that joins a list which then fails gets that failure, without a list of its own."""
    second_read: list[Exception] = []

    def read_too() -> None:
        try:
            listing.get(key_id(1), OWNER)
        except InvalidApiKeyError as error:
            second_read.append(error)

    def fail(request: httpx.Request) -> httpx.Response:
        reader.start()
        until(lambda: waits(reader), "it waits for this very answer")
        response: httpx.Response = refusal(401, "invalid_api_key")(request)
        return response

    reader = threading.Thread(target=read_too)
    server = script(fail, refusal(401, "invalid_api_key"))
    listing = KeyListing(make_client(server), fake_time.clock)
    with pytest.raises(InvalidApiKeyError) as first_read:
        listing.get(key_id(1), OWNER)
    reader.join(PATIENCE_S)
    assert second_read == [first_read.value]
    assert server.lines == [LIST]


def test_failed_list_is_not_remembered(make_listing: Any, script: Any, refusal: Any, key_pages: Any) -> None:
    """The read after a failure lists again."""
    server = script(*[refusal(500)] * 7, key_pages(1))
    listing = make_listing(server)
    with pytest.raises(ServerError):
        listing.get(key_id(1), OWNER)
    assert listing.get(key_id(1), OWNER).name == "key-1"
