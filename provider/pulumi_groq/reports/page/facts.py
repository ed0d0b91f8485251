"""What the page shows, as the gateway said it at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple, Protocol

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.history import Change, DenialBucket, UsageBucket
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.reports.usage.report import UsageFacts
from pulumi_groq.reports.usage.source import FactSource, usage_facts

CHART_DAYS: Final = 31
"""The days of the charts, today included: always the whole of the month so far."""

CHARTED_KEYS: Final = 6
"""How many keys have a colour of their own; all others share one."""

OVERLAPS_ASKED: Final = 20
"""Of how many lineages in overlap the consumers are asked for."""

_CHANGES: Final = 12


class Shown(NamedTuple):
    """Which parts of the page its reader may see: a part without facts would say that there are none."""

    spending: bool = True
    usage: bool = True
    keys: bool = True
    changes: bool = True


EVERYTHING: Final = Shown()


@dataclass(frozen=True)
class PageFacts:
    """`by_key` are the running month's facts; the other sums are of the last days up to `last_day`.

    `days_by_key` holds the days of the keys that cost most. `schedules` are the rotations that are known,
    by a key's name: the gateway knows none. `consumers` are those of keys in overlap, by the key's id.
    """

    by_key: UsageFacts
    first_day: date
    last_day: date
    days_by_model: Sequence[UsageBucket]
    days_by_key: Sequence[UsageBucket]
    denials: Sequence[DenialBucket]
    changes: Sequence[Change]
    consumers: Mapping[str, Sequence[Consumer]] = field(default_factory=dict)
    schedules: Mapping[str, RotationSchedule] = field(default_factory=dict)
    shown: Shown = EVERYTHING


def lineages(keys: Sequence[ApiKey]) -> list[list[ApiKey]]:
    """Live keys by lineage, newest first; lineages in overlap first, then the oldest."""
    found: dict[str, list[ApiKey]] = {}
    for key in keys:
        found.setdefault(key.lineage_id, []).append(key)
    sorted_keys = [sorted(each, key=lambda key: -key.generation) for each in found.values()]
    return sorted(sorted_keys, key=lambda each: (len(each) < 2, each[0].created_at, each[0].id))


class PageSource(FactSource, Protocol):
    """Where a page's facts come from, and which of them its reader may see."""

    @property
    def shown(self) -> Shown:
        """The parts of the page that are shown, known once all have been asked for."""
        ...


def page_facts(source: PageSource, schedules: Mapping[str, RotationSchedule] | None = None) -> PageFacts:
    """Asks the gateway for everything on the page: a dozen questions, and some by lineage in overlap."""
    by_key = usage_facts(source, "key", None)
    last = by_key.as_of.date()
    first = last - timedelta(days=CHART_DAYS - 1)
    keys = source.usage_buckets(since=first, until=last, group_by=("key",))
    dearest = sorted(keys, key=lambda bucket: (-bucket.cost_usd, -bucket.tokens, bucket.key_id or ""))
    days_by_key: list[UsageBucket] = []
    for bucket in dearest[:CHARTED_KEYS]:
        days_by_key += source.usage_buckets(
            since=first, until=last, group_by=("day", "key"), key_id=bucket.key_id
        )
    return PageFacts(
        by_key=by_key,
        first_day=first,
        last_day=last,
        days_by_model=list(source.usage_buckets(since=first, until=last, group_by=("day", "model"))),
        days_by_key=days_by_key,
        denials=list(source.denials(since=first, until=last, group_by=("day", "reason"))),
        changes=source.changes(_CHANGES),
        consumers={
            key.id: source.consumers(key.id)
            for lineage in lineages(by_key.keys)[:OVERLAPS_ASKED]
            if len(lineage) > 1
            for key in lineage
        },
        schedules=schedules or {},
        shown=source.shown,
    )
