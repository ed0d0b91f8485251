"""Past usage, denials and changes, page by page."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.refusals import Invalid
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.change_log import ChangeQuery, newest_changes
from pulumi_groq.gateway.store.keys import KeyLabel, labels_of
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.gateway.store.usage_history import HistoryQuery, Sums, denial_sums, usage_sums
from pulumi_groq.models.fields import usd
from pulumi_groq.models.history import (
    LARGEST_SPAN_DAYS,
    ChangePage,
    DenialBucket,
    DenialPage,
    UsageBucket,
    UsagePage,
)


@dataclass(frozen=True, slots=True)
class Span:
    """Which days are asked for: UTC, both included; by default the running month so far."""

    since: date | None
    until: date | None
    group_by: tuple[str, ...]
    key_id: str | None
    after: str | None
    limit: int


class History:
    """The handlers of `/openai/v1/usage/buckets`, `/openai/v1/usage/denials` and `/openai/v1/changes`."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def usage(self, caller: Caller, span: Span) -> UsagePage:
        """One page of usage."""
        now = self._clock.now()
        page = self._page(usage_sums, caller, span, now.date())
        data = [_usage_bucket(group, sums) for group, sums in page.groups]
        return UsagePage(as_of=now, since=page.since, until=page.until, data=data, next=page.next)

    def denials(self, caller: Caller, span: Span) -> DenialPage:
        """One page of denials."""
        now = self._clock.now()
        page = self._page(denial_sums, caller, span, now.date())
        data = [_denial_bucket(group, sums) for group, sums in page.groups]
        return DenialPage(as_of=now, since=page.since, until=page.until, data=data, next=page.next)

    def _page(
        self,
        read: Callable[[Connection, HistoryQuery], list[Sums]],
        caller: Caller,
        span: Span,
        today: date,
    ) -> "_Page":
        since, until = _days(span, today)
        with self._store.read() as connection:
            found = read(connection, _query(caller, span, since, until))
            shown = found[: span.limit]
            found_labels = labels_of(connection, _key_ids(span, shown))
        # A key that has left the caller's teams keeps its sums here, and no more.
        labels = {key: label for key, label in found_labels.items() if caller.identity.covers(label.team)}
        return _Page(
            since=since,
            until=until,
            groups=[(_group(span, sums, labels), sums) for sums in shown],
            next=_cursor(shown[-1]) if len(found) > span.limit else None,
        )

    def changes(self, query: ChangeQuery, before: int | None, limit: int) -> ChangePage:
        """One page of changes, newest first."""
        if query.since is not None and query.until is not None and query.since > query.until:
            raise Invalid(f"since ({query.since}) is after until ({query.until})", param="since")
        with self._store.read() as connection:
            found = newest_changes(connection, query, before, limit + 1)
        shown = found[:limit]
        return ChangePage(data=shown, last_id=shown[-1].id if shown else None, has_more=len(found) > limit)


def _days(span: Span, today: date) -> tuple[date, date]:
    until = span.until or max(today, span.since or today)
    since = span.since or until.replace(day=1)
    if since > until:
        raise Invalid(f"since ({since}) is after until ({until})", param="since")
    if until - since >= timedelta(days=LARGEST_SPAN_DAYS):
        raise Invalid(f"since and until are more than {LARGEST_SPAN_DAYS} days apart", param="since")
    return since, until


def _query(caller: Caller, span: Span, since: date, until: date) -> HistoryQuery:
    return HistoryQuery(
        since=since.isoformat(),
        until=until.isoformat(),
        group_by=span.group_by,
        key_id=span.key_id,
        after=None if span.after is None else _position(span.after, len(span.group_by)),
        limit=span.limit + 1,
        teams=caller.teams,
    )


def _cursor(last: Sums) -> str:
    return base64.urlsafe_b64encode(json.dumps(last.group).encode()).decode().rstrip("=")


def _position(cursor: str, width: int) -> tuple[str, ...]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    whole = isinstance(values, list) and len(values) == width > 0
    if not whole or not all(isinstance(value, str) and value.isprintable() for value in values):
        raise Invalid("after is not the next of a page of the same question", param="after")
    return tuple(values)


def _key_ids(span: Span, found: Sequence[Sums]) -> list[str]:
    if "key" not in span.group_by:
        return []
    place = span.group_by.index("key")
    return list({sums.group[place] for sums in found})


@dataclass(frozen=True, slots=True)
class _Group:
    """What the rows of one bucket have in common."""

    day: date | None
    label: KeyLabel | None
    key_id: str | None
    team: str | None
    model: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Page:
    """What usage and denials have in common; `next` says where the next page begins."""

    since: date
    until: date
    groups: Sequence[tuple[_Group, Sums]]
    next: str | None


def _group(span: Span, sums: Sums, labels: dict[str, KeyLabel]) -> _Group:
    values = dict(zip(span.group_by, sums.group, strict=True))
    day, key_id = values.get("day"), values.get("key")
    label = labels.get(key_id) if key_id else None
    return _Group(
        day=None if day is None else date.fromisoformat(day),
        label=label,
        key_id=key_id,
        team=values.get("team", label.team if label else None) or None,
        model=values.get("model"),
        reason=values.get("reason"),
    )


def _usage_bucket(group: _Group, sums: Sums) -> UsageBucket:
    return UsageBucket(
        day=group.day,
        key_id=group.key_id,
        key_name=group.label.name if group.label else None,
        lineage_id=sums.lineage_id,
        team=group.team,
        model=group.model,
        requests=sums.sums["requests"],
        prompt_tokens=sums.sums["prompt_tokens"],
        cached_tokens=sums.sums["cached_tokens"],
        completion_tokens=sums.sums["completion_tokens"],
        cost_usd=usd(sums.sums["cost_micro_usd"]),
    )


def _denial_bucket(group: _Group, sums: Sums) -> DenialBucket:
    return DenialBucket(
        day=group.day,
        key_id=group.key_id,
        key_name=group.label.name if group.label else None,
        model=group.model,
        reason=group.reason,
        requests=sums.sums["requests"],
    )
