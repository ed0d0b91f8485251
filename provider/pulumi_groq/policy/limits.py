"""What requests demand and consume, the quotas of rate and spending over it, and the headers about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import Final, Literal, NamedTuple

from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy

Header = tuple[bytes, bytes]
"""Name and value of a header line."""


class Demand(NamedTuple):
    """What to reserve for a request: the likely `tokens` for rate limits, the most it can cost for money."""

    model: str
    tokens: int
    cost_micro_usd: int


class Consumption(NamedTuple):
    """What a request used. `tokens` counts against rate limits; cached tokens do not (as at Groq)."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int

    @property
    def tokens(self) -> int:
        return self.prompt_tokens - self.cached_tokens + self.completion_tokens


class Allowance(NamedTuple):
    """The most that a request may cost (micro-dollars) where it cost too much: `now`, beside what others
    have reserved, and `later`, once those are settled. Negative where the limit was lowered below spend.
    `tokens` is the most that it may ever take of the key's token limits; `None` is unlimited.
    """

    now_micro_usd: int
    later_micro_usd: int
    tokens: int | None


class Denial(NamedTuple):
    """Why a request may not pass, as in the error body; `retry_after_s` if waiting helps.

    `allowance` is set if spending refused: whoever knows the request can say what to change in it.
    `headers` are the `x-ratelimit-*` lines for the answer.
    """

    status: int
    type: str
    code: str
    message: str
    retry_after_s: int | None = None
    reason: str = ""
    """Label for metrics: model, requests_per_minute, budget, cap and so on."""
    allowance: Allowance | None = None
    headers: tuple[Header, ...] = ()


DRIFT: Final = 1e-6
"""How far off sums of binary fractions may be, in units; far below the one unit that decides. A level and
whole units fit a limit exactly where level + units <= limit + DRIFT: that is used(level) + units <= limit.
"""


class Bucket:
    """What is in it (`level`) as of `updated_s` drains; `held` does not, until it is let go."""

    __slots__ = ("__weakref__", "held", "level", "limit", "updated_s", "window_s")

    def __init__(self, limit: int, window_s: int, now_s: float) -> None:
        self.level = 0.0
        self.held = 0
        self.updated_s = now_s
        self.limit = limit
        self.window_s = window_s

    def drain(self, now_s: float) -> None:
        """Drain until `now_s`; a clock that went back drains nothing."""
        elapsed_s = now_s - self.updated_s
        if elapsed_s > 0:
            left = self.level - elapsed_s * self.limit / self.window_s
            self.level = left if left > 0 else 0.0
            self.updated_s = now_s


def used(level: float) -> int:
    """`level` in whole units, rounded up."""
    return math.ceil(level - DRIFT)


def wait_s(*, used: int, requested: int, limit: int, window_s: int) -> float:
    """Seconds until `requested` (at most `limit`) fit: (U + R - L) / L * window."""
    return (used + requested - limit) / limit * window_s


def reset_s(*, used: int, limit: int, window_s: int) -> float:
    """Seconds until the bucket is empty of what is in it: used / limit * window."""
    return used * window_s / limit


LimitName = Literal[
    "cap",
    "budget",
    "requests_per_minute",
    "requests_per_day",
    "max_parallel_requests",
    "tokens_per_minute",
    "tokens_per_day",
]
Unit = Literal["micro_usd", "requests", "running", "tokens"]
"""What a counter counts, in the order in which the counters of a key come and refuse."""

MINUTE_S: Final = 60
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Quota:
    """One counter that a key's requests are counted in; the same for all of them until the policy changes.

    `counter_key` names the counter; `ceiling` is what it may hold (`None`: it only counts); `window_s` is
    how long a full one takes to drain (`None`: what is in it never drains, as totals of money and the count
    of running requests).
    """

    limit: LimitName
    counter_key: str
    unit: Unit
    ceiling: int | None
    window_s: int | None


Levels = Sequence[float]
"""What each counter holds, in the order of the quotas: spent or drained level, plus what requests in
flight have reserved."""


def amount_of(quota: Quota, demand: Demand) -> int:
    """What one request asks of a quota's counter."""
    if quota.unit in ("requests", "running"):
        return 1
    return demand.tokens if quota.unit == "tokens" else demand.cost_micro_usd


def highest_levels(quotas: Sequence[Quota]) -> tuple[float, ...]:
    """What each counter may hold at the most; infinite where it only counts."""
    return tuple(inf if quota.ceiling is None else quota.ceiling + DRIFT for quota in quotas)


def refusing(highest: Levels, amounts: Sequence[int], levels: Levels) -> int | None:
    """The position of the first counter that its amount does not fit into, or `None`. Counters of every
    kind decide by this.
    """
    for position, (most, amount, level) in enumerate(zip(highest, amounts, levels, strict=True)):
        if level + amount > most:
            return position
    return None


def rate_quotas(key: KeyAccess) -> list[Quota]:
    """The key's own limits, in the order in which they refuse; unlimited ones left out.

    The keys of a lineage share the counters, so that a rotation's overlap does not double the rate.
    """
    limits, lineage_id = key.limits, key.lineage_id
    quotas = (
        Quota("requests_per_minute", f"rpm:{lineage_id}", "requests", limits.requests_per_minute, MINUTE_S),
        Quota("requests_per_day", f"rpd:{lineage_id}", "requests", limits.requests_per_day, DAY_S),
        Quota(
            "max_parallel_requests", f"running:{lineage_id}", "running", limits.max_parallel_requests, None
        ),
        Quota("tokens_per_minute", f"tpm:{lineage_id}", "tokens", limits.tokens_per_minute, MINUTE_S),
        Quota("tokens_per_day", f"tpd:{lineage_id}", "tokens", limits.tokens_per_day, DAY_S),
    )
    return [quota for quota in quotas if quota.ceiling is not None]


_NS_PER_S: Final = 1_000_000_000
_NS_PER_MINUTE: Final = 60 * _NS_PER_S


def go_duration(seconds: float) -> str:
    """`seconds` (0 or more) as Go's `time.Duration` text: `1m26.4s`, `2m0s`, `547ms`, `0s`.

    The value is cut, not rounded, to whole nanoseconds, as in published answers (groq-api.md, 3).
    """
    nanoseconds = int(seconds * _NS_PER_S)
    # Below a minute all digits of a quotient are exact: a float has 15 of them.
    if nanoseconds < 1_000:
        return f"{nanoseconds}ns" if nanoseconds else "0s"
    if nanoseconds < 1_000_000:
        return _short(f"{nanoseconds / 1_000:.3f}") + "\N{MICRO SIGN}s"
    if nanoseconds < _NS_PER_S:
        return _short(f"{nanoseconds / 1_000_000:.6f}") + "ms"
    minutes, rest = divmod(nanoseconds, _NS_PER_MINUTE)
    text = _short(f"{rest / _NS_PER_S:.9f}") + "s"
    if not minutes:
        return text
    return f"{minutes}m{text}" if minutes < 60 else f"{minutes // 60}h{minutes % 60}m{text}"


def _short(decimal: str) -> str:
    return decimal.rstrip("0").rstrip(".")


_UNITS: Final[dict[LimitName, bytes]] = {"requests_per_day": b"requests", "tokens_per_minute": b"tokens"}


class RateHeaders:
    """The daily request limit and the per-minute token limit of `quotas`: Groq's other limits have no header.

    A limit that is unlimited has no headers: there is no number that means it, and clients take a
    missing header for unknown, not for exhausted. Made once, since only the levels change.
    """

    def __init__(self, quotas: Sequence[Quota]) -> None:
        self._shown = [
            (
                position,
                quota.ceiling,
                quota.window_s,
                (b"x-ratelimit-limit-" + _UNITS[quota.limit], b"%d" % quota.ceiling),
                b"x-ratelimit-remaining-" + _UNITS[quota.limit],
                b"x-ratelimit-reset-" + _UNITS[quota.limit],
            )
            for position, quota in enumerate(quotas)
            if quota.limit in _UNITS and quota.ceiling is not None and quota.window_s is not None
        ]

    def at(self, levels: Levels) -> tuple[Header, ...]:
        """The headers when the counters of the quotas are at `levels`."""
        headers: list[Header] = []
        for position, limit, window_s, limit_header, remaining_name, reset_name in self._shown:
            taken = used(levels[position])
            reset = go_duration(reset_s(used=taken, limit=limit, window_s=window_s))
            remaining = b"%d" % (limit - taken) if taken < limit else b"0"
            headers += (limit_header, (remaining_name, remaining), (reset_name, reset.encode()))
        return tuple(headers)


class SpendLevel(NamedTuple):
    """Where a cap or a budget stands in its month, in micro-dollars; what is reserved is not spent yet."""

    limit: LimitName
    limit_micro_usd: int
    spent_micro_usd: int
    reserved_micro_usd: int

    @property
    def left_later_micro_usd(self) -> int:
        """What is left if all running requests cost nothing; negative below a lowered limit."""
        return self.limit_micro_usd - self.spent_micro_usd

    @property
    def left_now_micro_usd(self) -> int:
        """What is left beside all that is reserved."""
        return self.left_later_micro_usd - self.reserved_micro_usd


def month_of(now: datetime) -> str:
    """The UTC month of `now` (aware, UTC) as `YYYY-MM`."""
    return f"{now.year:04d}-{now.month:02d}"


def day_of(now: datetime) -> str:
    """The UTC day of `now` (aware, UTC) as `YYYY-MM-DD`."""
    return f"{now.year:04d}-{now.month:02d}-{now.day:02d}"


def day_at(unix_s: float) -> str:
    """The UTC day (`YYYY-MM-DD`) at a Unix time in seconds."""
    return _nth_day(int(unix_s // DAY_S))


@lru_cache(maxsize=8)
def _nth_day(days_since_1970: int) -> str:
    return day_of(datetime.fromtimestamp(days_since_1970 * DAY_S, UTC))


def next_month(month: str) -> str:
    """The first day (`YYYY-MM-DD`) of the month after `month` (`YYYY-MM`)."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04d}-01-01" if number == 12 else f"{year:04d}-{number + 1:02d}-01"


def last_month(month: str) -> str:
    """The month (`YYYY-MM`) before `month`."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04d}-12" if number == 1 else f"{year:04d}-{number - 1:02d}"


def month_key_prefix(month: str) -> str:
    """How the keys of all spend counters of `month` begin."""
    return f"spend:{month}:"


def organisation_counter_key(month: str) -> str:
    """The key of the counter of the organisation's spend in `month`."""
    return f"spend:{month}:organisation"


def lineage_counter_key(month: str, lineage_id: str) -> str:
    """The key of the counter of a lineage's spend in `month`: one for all generations of a key."""
    return f"spend:{month}:{lineage_id}"


def spend_quotas(key: KeyAccess, organisation: OrganisationPolicy | None, month: str) -> list[Quota]:
    """Cap and budget in `month`, in the order in which they refuse.

    Both always count, so that a cap or budget that is set in mid-month knows what was spent. Without
    auto-pause the cap refuses nothing.
    """
    cap = organisation.cap_micro_usd if organisation is not None and organisation.auto_pause else None
    budget = key.monthly_budget_micro_usd
    return [
        Quota("cap", organisation_counter_key(month), "micro_usd", cap, None),
        Quota("budget", lineage_counter_key(month, key.lineage_id), "micro_usd", budget, None),
    ]
