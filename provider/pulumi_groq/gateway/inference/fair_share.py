"""Holds keys to their shares of the upstream's own limits while those are scarce.

Groq's limits belong to the organisation, or to the project of an upstream key: first come, first served. Here
each limit is read from the answers, for each upstream key and model; from 80 % of it on, a key that has had
more than its share of the last window is sent away, so that the others find room. Below that nobody is held.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from pulumi_groq.gateway.http.asgi import Header
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.fair_share import NEAR, Claim, entitlement
from pulumi_groq.policy.limits import Demand, Denial
from pulumi_groq.policy.messages import Scarcity, organisation_ceiling
from pulumi_groq.policy.windows import DAY_S, MINUTE_S

Unit = Literal["tokens", "requests"]
WINDOWS_S: Final[dict[Unit, int]] = {"tokens": MINUTE_S, "requests": DAY_S}
"""Groq's headers tell of tokens a minute and of requests a day."""
SLOTS: Final = 60
TOO_MANY_REQUESTS: Final = 429
_COUNT: Final = re.compile(rb"[0-9]{1,15}")
_LIMITS: Final[dict[bytes, tuple[Unit, bool]]] = {
    b"x-ratelimit-limit-tokens": ("tokens", True),
    b"x-ratelimit-remaining-tokens": ("tokens", False),
    b"x-ratelimit-limit-requests": ("requests", True),
    b"x-ratelimit-remaining-requests": ("requests", False),
}


class _Window:
    """What one key has had and asked for within the window, in `SLOTS` steps."""

    def __init__(self, slot_s: float) -> None:
        self._slot_s = slot_s
        self._sums: dict[int, list[int]] = {}
        self.weight = 1

    def add(self, now_s: float, had: int, asked: int) -> None:
        sums = self._sums.setdefault(int(now_s / self._slot_s), [0, 0])
        sums[0] += had
        sums[1] += asked

    def sums(self, now_s: float) -> tuple[int, int]:
        """Had and asked; what is older than the window is forgotten."""
        oldest = int(now_s / self._slot_s) - SLOTS
        for slot in [slot for slot in self._sums if slot <= oldest]:
            del self._sums[slot]
        had = sum(sums[0] for sums in self._sums.values())
        return max(0, had), sum(sums[1] for sums in self._sums.values())


class _Ceiling:
    """One limit of the upstream: how full it is, as the last answer said, and who filled it."""

    def __init__(self, window_s: int) -> None:
        self._window_s = window_s
        self._limit: int | None = None
        self._used = 0.0
        self._at_s = 0.0
        self._keys: dict[str, _Window] = {}
        self._claims: dict[str, Claim] = {}
        self._claims_s = 0.0
        self._swept_s = 0.0

    def of(self, key: KeyAccess) -> _Window:
        window = self._keys.get(key.lineage_id)
        if window is None:
            window = self._keys[key.lineage_id] = _Window(self._window_s / SLOTS)
        window.weight = key.share
        return window

    def sent(self, amount: int, now_s: float) -> None:
        """The answer to this will say what is used then."""
        self._used, self._at_s = self._level(now_s) + amount, now_s

    def said(self, limit: int, remaining: int, now_s: float) -> None:
        """What an answer said; a limit of 0 says nothing."""
        if limit > 0:
            self._limit, self._used, self._at_s = limit, float(max(0, limit - remaining)), now_s

    def is_full(self, now_s: float) -> None:
        """The upstream refused for it. Where no header told the limit, it is what has just been too much."""
        limit = self._limit or sum(window.sums(now_s)[0] for window in self._keys.values())
        self.said(limit, 0, now_s)

    def scarcity(self, key: KeyAccess, amount: int, now_s: float) -> Scarcity | None:
        """Why the key has to wait, if it has to."""
        level = self._level(now_s)
        if self._limit is None or level + amount <= NEAR * self._limit:
            self._sweep(now_s)
            return None
        had, asked = self.of(key).sums(now_s)
        if had == 0:  # one at least, however large it is
            return None
        claims = self._claims_at(now_s)
        claims[key.lineage_id] = Claim(key.share, asked + amount)
        may_have = entitlement(self._limit, claims, key.lineage_id)
        if had + amount <= may_have:
            return None
        wait_s = (had + amount - may_have) / may_have * self._window_s
        return Scarcity(self._limit, int(level), round(may_have), had, wait_s)

    def _claims_at(self, now_s: float) -> dict[str, Claim]:
        """Of all keys that have asked for something; counted once a slot, as there may be thousands."""
        if now_s - self._claims_s >= self._window_s / SLOTS:
            self._claims_s = now_s
            asked = {name: (window.weight, window.sums(now_s)[1]) for name, window in self._keys.items()}
            self._claims = {name: Claim(*claim) for name, claim in asked.items() if claim[1]}
        return self._claims

    def _level(self, now_s: float) -> float:
        drained = (now_s - self._at_s) * (self._limit or 0) / self._window_s
        return max(0.0, self._used - drained)

    def _sweep(self, now_s: float) -> None:
        """Forget the keys that have asked for nothing within the window; once a window."""
        if now_s - self._swept_s >= self._window_s:
            self._swept_s = now_s
            self._keys = {name: each for name, each in self._keys.items() if each.sums(now_s)[1]}


class Turn(NamedTuple):
    """One request's part in the limits of its model."""

    key: KeyAccess
    demand: Demand
    tokens: _Ceiling
    requests: _Ceiling
    clock: Clock

    def taken(self) -> None:
        """It goes upstream."""
        now_s = self.clock.now().timestamp()
        for ceiling, amount in ((self.tokens, self.demand.tokens), (self.requests, 1)):
            ceiling.of(self.key).add(now_s, amount, amount)
            ceiling.sent(amount, now_s)

    def refused(self) -> None:
        """It was sent away, and would have gone upstream."""
        now_s = self.clock.now().timestamp()
        for ceiling, amount in ((self.tokens, self.demand.tokens), (self.requests, 1)):
            ceiling.of(self.key).add(now_s, 0, amount)

    def answered(self, status: int, headers: Sequence[Header]) -> None:
        """What the upstream says of its limits."""
        now_s = self.clock.now().timestamp()
        told = {"tokens": [-1, -1], "requests": [-1, -1]}
        for raw_name, value in headers:
            place = _LIMITS.get(raw_name.lower())
            if place is not None and _COUNT.fullmatch(value.strip()):
                unit, is_limit = place
                told[unit][0 if is_limit else 1] = int(value)
        for ceiling, (limit, remaining) in (
            (self.tokens, told["tokens"]),
            (self.requests, told["requests"]),
        ):
            if limit >= 0 and remaining >= 0:
                ceiling.said(limit, remaining, now_s)
        if status == TOO_MANY_REQUESTS:
            full = self.requests if told["requests"][1] == 0 else self.tokens
            full.is_full(now_s)

    def over(self, tokens: int) -> None:
        """It used so many tokens."""
        now_s = self.clock.now().timestamp()
        self.tokens.of(self.key).add(now_s, tokens - self.demand.tokens, 0)


class FairShare:
    """The limits of the upstream, by upstream key and model. Belongs to the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_model: dict[tuple[str | None, str], tuple[_Ceiling, _Ceiling]] = {}

    def turn(self, key: KeyAccess, demand: Demand) -> Turn:
        """The request's part, not taken yet."""
        place = key.upstream_key, demand.model
        ceilings = self._by_model.get(place)
        if ceilings is None:
            ceilings = self._by_model[place] = (
                _Ceiling(WINDOWS_S["tokens"]),
                _Ceiling(WINDOWS_S["requests"]),
            )
        return Turn(key, demand, *ceilings, self._clock)

    def denial(self, turn: Turn) -> Denial | None:
        """429 while a limit is scarce and the key has had its share."""
        now_s = self._clock.now().timestamp()
        found = turn.tokens.scarcity(turn.key, turn.demand.tokens, now_s)
        unit: Unit = "tokens"
        if found is None:
            found, unit = turn.requests.scarcity(turn.key, 1, now_s), "requests"
        if found is None:
            return None
        turn.refused()
        return organisation_ceiling(turn.demand, unit, found)
