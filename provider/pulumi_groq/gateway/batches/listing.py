"""The upstream's list of batches, read as far as it takes to say that a batch is not on it."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from pulumi_groq.gateway.batches.creation import ID, TAG
from pulumi_groq.gateway.batches.upstream_api import BATCHES_PATH, UpstreamApi

MOST_PAGES: Final = 50
ASKED_A_PAGE: Final = 100
SMALLEST_PAGE: Final = 20
"""What APIs of this kind give where they do not heed the number that is asked for."""
CLOCKS_S: Final = 300
"""How far the upstream's clock may be from ours."""


class Listing:
    """Batches of one upstream key by the tags that this gateway gave them, newest first."""

    def __init__(self) -> None:
        self.by_tag: dict[str, dict[str, Any]] = {}
        self._created: list[int] = []
        self._ids: set[str] = set()
        self._last_id: str | None = None
        self._is_whole = False

    def add(self, page: Mapping[str, Any]) -> bool:
        """Take in a page; False where it is none, or brings nothing that was not on another."""
        data = page.get("data")
        if not isinstance(data, list):
            return False
        former = len(self._ids)
        for each in data:
            if isinstance(each, dict):
                self._add(each)
        has_more = page.get("has_more")
        self._is_whole = has_more is False or (has_more is None and len(data) < SMALLEST_PAGE)
        return self._is_whole or len(self._ids) > former

    def _add(self, batch: dict[str, Any]) -> None:
        batch_id, created_at, tag = batch.get("id"), batch.get("created_at"), _tag(batch)
        if isinstance(batch_id, str) and ID.fullmatch(batch_id):
            if batch_id in self._ids:
                return
            self._ids.add(batch_id)
            self._last_id = batch_id
        self._created.append(created_at if type(created_at) is int else 0)
        if tag is not None:
            self.by_tag.setdefault(tag, batch)

    def reaches(self, unix_s: float) -> bool:
        """Whether whatever was created from this time on is on it: it is whole, or goes back further."""
        if self._is_whole:
            return True
        is_sorted = all(newer >= older > 0 for newer, older in pairwise(self._created))
        return is_sorted and len(self._created) > 1 and self._created[-1] < unix_s - CLOCKS_S

    @property
    def next_page(self) -> str:
        """The path of what follows."""
        after = "" if self._last_id is None else f"&after={self._last_id}"
        return f"{BATCHES_PATH}?limit={ASKED_A_PAGE}{after}"


async def list_batches(
    api: UpstreamApi, upstream_key: str | None, tags: Sequence[str], since_s: float
) -> Listing:
    """Page by page until all of these tags are found, or it `reaches` a time, or there is nothing more to be
    had. Raises what `UpstreamApi.ask` does.
    """
    listing = Listing()
    for _ in range(MOST_PAGES):
        brought = listing.add(await api.ask("GET", listing.next_page, upstream_key))
        if not brought or listing.reaches(since_s) or all(tag in listing.by_tag for tag in tags):
            break
    return listing


def _tag(document: Mapping[str, Any]) -> str | None:
    metadata = document.get("metadata")
    tag = metadata.get(TAG) if isinstance(metadata, dict) else None
    return tag if isinstance(tag, str) else None
