"""What requests demand and consume, the quotas that hold them, and the headers about them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from operator import add, gt
from typing import Final, Literal, NamedTuple

from pulumi_groq.policy.windows import Window

Header = tuple[bytes, bytes]
"""Name and value of a header line."""


class Demand(NamedTuple):
    """What to reserve for a request: the likely `tokens` for rate limits, the most it can cost for money."""

    model: str
    tokens: int
    cost_micro_usd: int
    cost_by_model: Mapping[str, int] | None = None
    """The parts of the cost where there are several models, as in a batch."""

    def cost_of(self, model: str) -> int:
        """The most that it can cost of one model."""
        if self.cost_by_model is None:
            return self.cost_micro_usd if model == self.model else 0
        return self.cost_by_model.get(model, 0)


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


CLOCK_STEP_S: Final = 60.0
"""A time so much before the last one is of a clock that was set back; less is of a call that waited."""


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
        """Drain until `now_s`. A clock that was set back drains nothing, and from then on counts as ever."""
        drain((self,), now_s)


def drain(buckets: Iterable[Bucket], now_s: float) -> None:
    """As `Bucket.drain`, each of them."""
    for bucket in buckets:
        elapsed_s = now_s - bucket.updated_s
        if elapsed_s > 0:
            left = bucket.level - elapsed_s * bucket.limit / bucket.window_s
            bucket.level = left if left > 0 else 0.0
            bucket.updated_s = now_s
        elif elapsed_s < -CLOCK_STEP_S:
            bucket.updated_s = now_s  # else it would stand still until the clock is there again


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


class Scope(NamedTuple):
    """Whose requests are counted: those of a lineage, a team, a model; `None` is any. Without all three it
    is the organisation.
    """

    lineage_id: str | None = None
    team: str | None = None
    model: str | None = None

    def covers(self, lineage_id: str, team: str | None) -> bool:
        """Whether requests of this lineage and team are counted, as far as the model lets them."""
        return self.lineage_id in (None, lineage_id) and self.team in (None, team)


ORGANISATION: Final = Scope()


@dataclass(frozen=True, slots=True)
class Quota:
    """One counter that a key's requests are counted in; the same for all of them until the policy changes.

    `counter_key` names the counter; `ceiling` is what it may hold (`None`: it only counts); `window_s` is
    how long a full one takes to drain (`None`: what is in it never drains, as totals of money and the count
    of running requests). A total of money is of one `window`. Counters of rates that one request is counted
    in have the same `home`, where a shared back end has to keep them together.
    """

    limit: LimitName
    counter_key: str
    unit: Unit
    ceiling: int | None
    window_s: int | None
    scope: Scope = ORGANISATION
    window: Window | None = None
    home: str = ""

    @property
    def reason(self) -> str:
        """What refusals by it are counted under."""
        whose = "model_" if self.scope.model else "team_" if self.scope.team else ""
        per = f"_{self.window.per}" if self.window is not None and self.window.per != "month" else ""
        return f"{whose}{self.limit}{per}"


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
    if not any(map(gt, map(add, levels, amounts), highest)):
        return None
    counters = zip(highest, amounts, levels, strict=True)
    return next(position for position, (most, amount, level) in enumerate(counters) if level + amount > most)


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

    Of several limits of a kind (of the key, its team, a model) the one that has the least left is shown. One
    that is unlimited has no headers: there is no number that means it, and clients take a missing header
    for unknown, not for exhausted. Made once, since only the levels change.
    """

    def __init__(self, quotas: Sequence[Quota]) -> None:
        shown: dict[LimitName, list[_Shown]] = {}
        for position, quota in enumerate(quotas):
            if quota.limit in _UNITS and quota.ceiling is not None and quota.window_s is not None:
                unit = _UNITS[quota.limit]
                limit_header = (b"x-ratelimit-limit-" + unit, b"%d" % quota.ceiling)
                names = (b"x-ratelimit-remaining-" + unit, b"x-ratelimit-reset-" + unit)
                made = _Shown(position, quota.ceiling, quota.window_s, limit_header, *names)
                shown.setdefault(quota.limit, []).append(made)
        self._shown = list(shown.values())

    def at(self, levels: Levels) -> tuple[Header, ...]:
        """The headers when the counters of the quotas are at `levels`."""
        headers: list[Header] = []
        for each in self._shown:
            tightest = each[0]
            if len(each) > 1:
                tightest = min(each, key=lambda one: one.limit - levels[one.position])
            position, limit, window_s, limit_header, remaining_name, reset_name = tightest
            taken = used(levels[position])
            reset = go_duration(reset_s(used=taken, limit=limit, window_s=window_s))
            remaining = b"%d" % (limit - taken) if taken < limit else b"0"
            headers += (limit_header, (remaining_name, remaining), (reset_name, reset.encode()))
        return tuple(headers)


class _Shown(NamedTuple):
    position: int
    limit: int
    window_s: int
    limit_header: Header
    remaining_name: bytes
    reset_name: bytes


class SpendLevel(NamedTuple):
    """Where a quota of money stands in its window, in micro-dollars; what is reserved is not spent yet."""

    quota: Quota
    limit_micro_usd: int
    spent_micro_usd: int
    reserved_micro_usd: int

    @property
    def until_s(self) -> int:
        """When it begins again (Unix seconds)."""
        return 0 if self.quota.window is None else self.quota.window.until_s

    @property
    def left_later_micro_usd(self) -> int:
        """What is left if all running requests cost nothing; negative below a lowered limit."""
        return self.limit_micro_usd - self.spent_micro_usd

    @property
    def left_now_micro_usd(self) -> int:
        """What is left beside all that is reserved."""
        return self.left_later_micro_usd - self.reserved_micro_usd
