"""The gateway as reports ask it, from inside: the same answers as over the admin API."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from pulumi_groq.gateway.admin.handlers import Handlers
from pulumi_groq.gateway.admin.history import Span
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.history import (
    LARGEST_HISTORY_PAGE,
    Change,
    DenialBucket,
    DenialGroup,
    DenialPage,
    UsageBucket,
    UsageGroup,
    UsagePage,
)
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.usage import Usage

PageT = TypeVar("PageT", UsagePage, DenialPage)


class GatewaySource:
    """Implements `reports.usage.source.FactSource`. Not for an event loop: it waits for the store."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._history = handlers.history

    def usage(self) -> Usage:
        """Today and this month, by key."""
        return self._handlers.reporting.usage()

    def keys(self) -> Iterable[ApiKey]:
        """Every live key."""
        return self._handlers.keys.every()

    def policy(self) -> SpendPolicy | None:
        """The spending policy, if one is set."""
        return self._handlers.spending.find()

    def usage_buckets(
        self, *, since: date, until: date, group_by: Sequence[UsageGroup], key_id: str | None = None
    ) -> Iterator[UsageBucket]:
        """Usage of the UTC days `since` to `until`, both included."""
        span = Span(since, until, tuple(group_by), key_id, None, LARGEST_HISTORY_PAGE)
        for page in _pages(self._history.usage, span):
            yield from page.data

    def denials(self, *, since: date, until: date, group_by: Sequence[DenialGroup]) -> Iterator[DenialBucket]:
        """Refused requests of the UTC days `since` to `until`, both included."""
        span = Span(since, until, tuple(group_by), None, None, LARGEST_HISTORY_PAGE)
        for page in _pages(self._history.denials, span):
            yield from page.data

    def changes(self, limit: int) -> Sequence[Change]:
        """The last changes, newest first."""
        return self._history.changes(None, limit).data


def _pages(ask: Callable[[Span], PageT], span: Span) -> Iterator[PageT]:
    while True:
        page = ask(span)
        yield page
        if page.next is None:
            return
        span = Span(span.since, span.until, span.group_by, span.key_id, page.next, span.limit)
