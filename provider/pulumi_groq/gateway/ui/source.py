"""The gateway as reports ask it, from inside: the same answers as over the admin API."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.history import History, Span
from pulumi_groq.gateway.admin.key_views import KeyViews
from pulumi_groq.gateway.admin.reporting import Reporting
from pulumi_groq.gateway.admin.spending import shown_policy
from pulumi_groq.gateway.protocols import Clock, UsageSource
from pulumi_groq.gateway.store.keys import all_keys
from pulumi_groq.gateway.store.policies import find_policy
from pulumi_groq.gateway.store.store import Store
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
from pulumi_groq.policy.access import Limits

PageT = TypeVar("PageT", UsagePage, DenialPage)


class GatewaySource:
    """Implements `reports.usage.source.FactSource`. Not for an event loop: it waits for the store."""

    def __init__(
        self, *, store: Store, catalogue: Catalogue, usage: UsageSource, clock: Clock, defaults: Limits
    ) -> None:
        self._store = store
        self._usage = usage
        self._clock = clock
        self._reporting = Reporting(store=store, catalogue=catalogue, usage=usage, clock=clock)
        self._history = History(store=store, clock=clock)
        self._views = KeyViews(usage, defaults)

    def usage(self) -> Usage:
        """Today and this month, by key."""
        return self._reporting.usage()

    def keys(self) -> Iterable[ApiKey]:
        """Every live key."""
        now = self._clock.now()
        with self._store.read() as connection:
            return [self._views.show(record, now) for record in all_keys(connection)]

    def policy(self) -> SpendPolicy | None:
        """The spending policy, if one is set."""
        with self._store.read() as connection:
            record = find_policy(connection)
        return None if record is None else shown_policy(record, self._usage, self._clock.now())

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
