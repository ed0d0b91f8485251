"""What of a key's spend is a runaway: its last ten minutes against an amount, and against what is usual."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from pulumi_groq.models.runaway import RunawayAction

SLOT_S: Final = 600
"""Spend is kept in sums of ten minutes, by the number of the slot: Unix seconds over this."""
SLOTS_AN_HOUR: Final = 6
SLOTS_A_DAY: Final = 144
DAYS: Final = 14
FEWEST_DAYS: Final = 3
"""A younger lineage has nothing usual yet."""
LEAST_MICRO_USD: Final = 10_000
"""What is spent below this in ten minutes is no multiple of anything: 1.44 dollars a day."""


@dataclass(frozen=True, slots=True)
class RunawayLimit:
    """What a key's guard says, as `models.runaway.RunawayGuard`, in micro-dollars."""

    spend_micro_usd_per_10_min: int | None
    times_usual: int | None
    action: RunawayAction
    resume_after_minutes: int | None


class Judgement(NamedTuple):
    """A runaway: what may be spent in ten minutes, and what is usual where that was looked at."""

    allowed_micro_usd: int
    usual_micro_usd: int | None


def floor_micro_usd(limit: RunawayLimit) -> int:
    """Spend up to this is no runaway, whatever is usual: the usual need not be looked up below it."""
    amount = limit.spend_micro_usd_per_10_min
    if limit.times_usual is None:
        return amount or 0
    return LEAST_MICRO_USD if amount is None else min(amount, LEAST_MICRO_USD)


def judge(limit: RunawayLimit, spent_micro_usd: int, usual_micro_usd: int | None) -> Judgement | None:
    """Whether what was spent in ten minutes is a runaway. An unknown usual allows all but the amount."""
    bounds = [] if limit.spend_micro_usd_per_10_min is None else [limit.spend_micro_usd_per_10_min]
    if limit.times_usual is not None and usual_micro_usd is not None:
        bounds.append(max(LEAST_MICRO_USD, limit.times_usual * usual_micro_usd))
    if not bounds or spent_micro_usd <= min(bounds):
        return None
    return Judgement(min(bounds), usual_micro_usd)


def slot_at(unix_s: float) -> int:
    """The slot of a time."""
    return int(unix_s) // SLOT_S


def slots_of_this_hour(now_s: float) -> tuple[int, ...]:
    """The slots of this hour of the day on each of the last 14 days, today's left out."""
    return tuple(slot for hour in _hours_before(now_s) for slot in range(hour, hour + SLOTS_AN_HOUR))


def usual_micro_usd(by_slot: Mapping[int, int], first_slot: int | None, now_s: float) -> int | None:
    """What is spent in ten minutes at this hour: the mean of its busiest ten minutes over the days on which
    it spent anything, so that days off and weekly work make no work day look unusual. Where it never did,
    the mean over all hours. `by_slot` is the spend of the last 14 days, `first_slot` the lineage's first one.

    `None` where there is no history of `FEWEST_DAYS`.
    """
    now = slot_at(now_s)
    over = now - now % SLOTS_AN_HOUR + SLOTS_AN_HOUR - SLOTS_A_DAY
    if first_slot is None or first_slot > now - FEWEST_DAYS * SLOTS_A_DAY:
        return None
    busiest: dict[int, int] = {}
    for slot, cost in by_slot.items():
        if slot < over:  # what runs now must not become usual
            hour = slot - slot % SLOTS_AN_HOUR
            busiest[hour] = max(busiest.get(hour, 0), cost)
    spent = {hour: cost for hour, cost in busiest.items() if cost > 0}
    at_this_hour = [spent[hour] for hour in _hours_before(now_s) if hour in spent]
    counted = at_this_hour or list(spent.values())
    return sum(counted) // len(counted) if counted else None


def _hours_before(now_s: float) -> Iterator[int]:
    slot = slot_at(now_s)
    this_hour = slot - slot % SLOTS_AN_HOUR
    return (this_hour - days * SLOTS_A_DAY for days in range(1, DAYS + 1))
