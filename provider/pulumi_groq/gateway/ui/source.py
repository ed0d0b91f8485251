"""The gateway as reports ask it, from inside: what the same caller is told over the admin API."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import TypeVar

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.handlers import Handlers
from pulumi_groq.gateway.admin.history import Span
from pulumi_groq.gateway.admin.refusals import Missing
from pulumi_groq.gateway.store.change_log import ChangeQuery
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.history import (
    ACTS,
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
from pulumi_groq.reports.page import Shown

PageT = TypeVar("PageT", UsagePage, DenialPage)


class GatewaySource:
    """Implements `reports.page.PageSource`. Not for an event loop: it waits for the store."""

    def __init__(self, handlers: Handlers, caller: Caller) -> None:
        self._handlers = handlers
        self._caller = caller
        self._history = handlers.history

    @property
    def shown(self) -> Shown:
        """What the caller's role may see; of anything else the answers below are empty."""
        may = self._caller.identity.may
        return Shown(
            spending=may("spending.read"),
            usage=may("usage.read"),
            keys=may("keys.read"),
            changes=may("changes.read"),
        )

    def usage(self) -> Usage:
        """Today and this month, by key."""
        reporting = self._handlers.reporting
        return reporting.usage(self._caller) if self.shown.usage else reporting.no_usage()

    def keys(self) -> Iterable[ApiKey]:
        """Every live key."""
        return self._handlers.keys.every(self._caller) if self.shown.keys else []

    def policy(self) -> SpendPolicy | None:
        """The spending policy, if one is set."""
        return self._handlers.spending.find(self._caller) if self.shown.spending else None

    def usage_buckets(
        self, *, since: date, until: date, group_by: Sequence[UsageGroup], key_id: str | None = None
    ) -> Iterator[UsageBucket]:
        """Usage of the UTC days `since` to `until`, both included."""
        span = Span(since, until, tuple(group_by), key_id, None, LARGEST_HISTORY_PAGE)
        for page in _pages(partial(self._history.usage, self._caller), span) if self.shown.usage else ():
            yield from page.data

    def denials(self, *, since: date, until: date, group_by: Sequence[DenialGroup]) -> Iterator[DenialBucket]:
        """Refused requests of the UTC days `since` to `until`, both included."""
        span = Span(since, until, tuple(group_by), None, None, LARGEST_HISTORY_PAGE)
        for page in _pages(partial(self._history.denials, self._caller), span) if self.shown.usage else ():
            yield from page.data

    def consumers(self, key_id: str) -> Sequence[Consumer]:
        """Who used a key, the one seen last first; empty where the key is gone."""
        try:
            return self._handlers.keys.consumers(self._caller, key_id).data
        except Missing:
            return []

    def changes(self, limit: int) -> Sequence[Change]:
        """The last changes, newest first."""
        acts = ChangeQuery(actions=ACTS)
        return self._history.changes(acts, None, limit).data if self.shown.changes else []


def _pages(ask: Callable[[Span], PageT], span: Span) -> Iterator[PageT]:
    while True:
        page = ask(span)
        yield page
        if page.next is None:
            return
        span = Span(span.since, span.until, span.group_by, span.key_id, page.next, span.limit)
