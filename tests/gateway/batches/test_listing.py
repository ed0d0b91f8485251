"""The upstream's list of batches: on which page a batch stands, and when it surely stands on none."""

from collections.abc import Sequence
from typing import Any

import pytest

from pulumi_groq.gateway.batches.creation import TAG
from pulumi_groq.gateway.batches.listing import CLOCKS_S, SMALLEST_PAGE, list_batches

SINCE_S = 1_800_000_000


def batch(number: int, created_at: Any = SINCE_S + 10) -> dict[str, Any]:
    return {"id": f"batch_{number}", "created_at": created_at, "metadata": {TAG: f"req_{number}"}}


class Pages:
    """Answers with one page after the other, and with the last again."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = list(pages)
        self.asked: list[str] = []

    async def ask(self, _method: str, path: str, _upstream_key: str | None) -> dict[str, Any]:
        self.asked.append(path)
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


def full(first: int, **fields: Any) -> dict[str, Any]:
    return {"data": [batch(first + number) for number in range(SMALLEST_PAGE)], **fields}


async def listed(*pages: dict[str, Any], tags: Sequence[str] = ("req_lost",)) -> tuple[Any, Pages]:
    api: Any = Pages(*pages)
    return await list_batches(api, None, tags, SINCE_S), api


async def test_pages_are_read_until_the_batch_is_found() -> None:
    """The next one begins behind the last of the former."""
    listing, api = await listed(full(0, has_more=True), full(20, has_more=True), tags=["req_25"])
    assert listing.by_tag["req_25"]["id"] == "batch_25"
    assert api.asked == ["/openai/v1/batches?limit=100", "/openai/v1/batches?limit=100&after=batch_19"]


@pytest.mark.parametrize(
    "pages",
    [
        [{"data": []}],
        [{"data": [batch(1)]}],
        [full(0, has_more=False)],
        [full(0, has_more=True), {"data": [batch(30)], "has_more": False}],
        [{"data": [batch(1), batch(2, SINCE_S - CLOCKS_S - 1)], "has_more": True}],
    ],
)
async def test_a_list_that_ends_or_goes_back_further_reaches(pages: list[dict[str, Any]]) -> None:
    """What is not on it was not created."""
    listing, _ = await listed(*pages)
    assert listing.reaches(SINCE_S)
    assert "req_lost" not in listing.by_tag


@pytest.mark.parametrize(
    "pages",
    [
        [full(0)],
        [full(0, has_more=True)],
        [full(0, has_more=True), full(20)],
        [full(0, has_more="no")],
        [{"data": "text"}],
        [{}],
        [{"data": [batch(1, SINCE_S - CLOCKS_S - 1), batch(2)], "has_more": True}],
        [{"data": [batch(1, "text"), batch(2, None), batch(3, True)], "has_more": True}],
        [{"data": [batch(1, SINCE_S - CLOCKS_S - 1)], "has_more": True}],
        [{"data": [5, None, {"id": "../x"}], "has_more": True}],
    ],
)
async def test_any_other_list_does_not_reach(pages: list[dict[str, Any]]) -> None:
    """A full page without a word about more, the oldest first, what is no list: it may stand elsewhere."""
    listing, api = await listed(*pages)
    assert not listing.reaches(SINCE_S)
    assert len(api.asked) <= len(pages) + 1
