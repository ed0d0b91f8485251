"""Holds keys to their shares of the upstream's own limits while those are scarce.

Groq's limits belong to the organisation, or to the project of an upstream key: first come, first served. Here
each limit is read from the answers, for each upstream key and model; from 80 % of it on, a key that has had
more than its share of the last window is sent away, so that the others find room. Below that nobody is held.

Of several gateways each shares out its part (1 / live gateways) of a limit among the keys that it serves: the
headers tell all of them alike how full it is. Evenly spread requests so get what one gateway would give them;
where they are not, what the others leave is not shared out, at most the fifth that is scarce.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pulumi_groq.gateway.http.asgi import Header
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.fair_share import NEAR, Claim, entitlement
from pulumi_groq.policy.limits import CLOCK_STEP_S, Demand, Denial
from pulumi_groq.policy.messages import Scarcity, organisation_ceiling
from pulumi_groq.policy.windows import DAY_S, MINUTE_S

Unit = Literal["tokens", "requests"]
WINDOWS_S: Final[dict[Unit, int]] = {"tokens": MINUTE_S, "requests": DAY_S}
"""Groq's headers tell of tokens a minute and of requests a day."""
SLOTS: Final = 60
TOO_MANY_REQUESTS: Final = 429
_COUNT: Final = re.compile(rb"[0-9]{1,15}")
LIMITS: Final[dict[bytes, tuple[Unit, bool]]] = {
    b"x-ratelimit-limit-tokens": ("tokens", True),
    b"x-ratelimit-remaining-tokens": ("tokens", False),
    b"x-ratelimit-limit-requests": ("requests", True),
    b"x-ratelimit-remaining-requests": ("requests", False),
}
"""The upstream's headers about its limits: the unit of each, and whether it is the limit itself."""


class _Window:
    """What one key has had and asked for within the window, by its steps, of which there are `SLOTS`."""

    __slots__ = ("by_slot", "weight")

    def __init__(self) -> None:
        self.by_slot: dict[int, list[int]] = {}
        self.weight = 1

    def sums(self, slot_now: int) -> tuple[int, int]:
        """Had and asked; what is older than the window is forgotten."""
        oldest = slot_now - SLOTS
        for slot in [slot for slot in self.by_slot if slot <= oldest]:
            del self.by_slot[slot]
        had = sum(sums[0] for sums in self.by_slot.values())
        return max(0, had), sum(sums[1] for sums in self.by_slot.values())


class _Ceiling:
    """One limit of the upstream: how full it is, as the last answer said, and who filled it."""

    def __init__(self, window_s: int, gateways: Callable[[], int]) -> None:
        self._window_s = window_s
        self._slot_s = window_s / SLOTS
        self._gateways = gateways
        self._begin()

    def _begin(self) -> None:
        """Know nothing."""
        self._limit: int | None = None
        self.is_told = False
        """Whether any answer has told of it."""
        self._is_guess = False
        self._refused_s = 0.0
        self._used = 0.0
        self._at_s = 0.0
        self._keys: dict[str, _Window] = {}
        self._claims: dict[str, Claim] = {}
        self._claims_s = 0.0
        self._swept_s = 0.0

    def note(self, key: KeyAccess, now_s: float, had: int, asked: int) -> None:
        """The key has had so much, and asked for so much."""
        self._look_at_clock(now_s)
        window = self._keys.get(key.lineage_id)
        if window is None:
            window = self._keys[key.lineage_id] = _Window()
        window.weight = key.share
        slot = self._slot(now_s)
        sums = window.by_slot.get(slot)
        if sums is None:
            window.by_slot[slot] = [had, asked]
        else:
            sums[0] += had
            sums[1] += asked

    def correct(self, key: KeyAccess, taken_s: float, more: int) -> None:
        """What the key had at a time was more, or less; nothing once that is forgotten."""
        window = self._keys.get(key.lineage_id)
        sums = None if window is None else window.by_slot.get(self._slot(taken_s))
        if sums is not None:
            sums[0] += more

    def sent(self, amount: int, now_s: float) -> None:
        """The answer to this will say what is used then."""
        level = self._level(now_s) if self.is_told else self._used
        self._used, self._at_s = level + amount, now_s
        if now_s - self._swept_s >= self._window_s:
            self._sweep(now_s)

    def said(self, limit: int, remaining: int, now_s: float) -> None:
        """What an answer said; a limit of 0 says nothing."""
        if limit > 0:
            self._limit, self._used, self._at_s = limit, float(max(0, limit - remaining)), now_s
            self.is_told, self._is_guess = True, False

    def is_full(self, now_s: float) -> None:
        """The upstream refused for it. Where no header told the limit, it is what has just been too much."""
        is_guess = self._is_guess or self._limit is None
        limit = self._limit or sum(window.sums(self._slot(now_s))[0] for window in self._keys.values())
        self.said(limit, 0, now_s)
        self._is_guess, self._refused_s = is_guess, now_s

    def scarcity(self, key: KeyAccess, amount: int, now_s: float) -> Scarcity | None:
        """Why the key has to wait, if it has to."""
        self._look_at_clock(now_s)
        if self._is_guess and now_s - self._refused_s >= self._window_s:
            # One refusal (an overload, a quiet minute's first request) is no limit of all minutes to come.
            self._limit, self._used, self.is_told, self._is_guess = None, 0.0, False, False
        limit = self._limit
        if limit is None:
            return None
        level = self._level(now_s)
        if level + amount <= NEAR * limit:
            return None
        window = self._keys.get(key.lineage_id)
        had, asked = (0, 0) if window is None else window.sums(self._slot(now_s))
        if had == 0:  # one at least, however large it is
            return None
        claims = self._claims_at(now_s)
        claims[key.lineage_id] = Claim(key.share, asked + amount)
        may_have = entitlement(limit / self._gateways(), claims, key.lineage_id)
        if had + amount <= may_have:
            return None
        wait_s = (had + amount - may_have) / may_have * self._window_s
        return Scarcity(limit, int(level), round(may_have), had, wait_s)

    def _look_at_clock(self, now_s: float) -> None:
        """Of one that was set back all that is known is of the future: the next answers tell anew."""
        if now_s < self._at_s - CLOCK_STEP_S:
            self._begin()

    def _claims_at(self, now_s: float) -> dict[str, Claim]:
        """Of all keys that have asked for something; counted once a slot, as there may be thousands."""
        if now_s - self._claims_s >= self._slot_s:
            self._claims_s = now_s
            asked = {
                name: (window.weight, window.sums(self._slot(now_s))[1])
                for name, window in self._keys.items()
            }
            self._claims = {name: Claim(*claim) for name, claim in asked.items() if claim[1]}
        return self._claims

    def _slot(self, now_s: float) -> int:
        return int(now_s / self._slot_s)

    def _level(self, now_s: float) -> float:
        left = self._used - (now_s - self._at_s) * (self._limit or 0) / self._window_s
        return left if left > 0 else 0.0

    def _sweep(self, now_s: float) -> None:
        """Forget the keys that have asked for nothing within the window; once a window."""
        self._swept_s = now_s
        self._keys = {name: each for name, each in self._keys.items() if each.sums(self._slot(now_s))[1]}


@dataclass(slots=True)
class Turn:
    """One request's part in the limits of its model."""

    key: KeyAccess
    demand: Demand
    tokens: _Ceiling
    requests: _Ceiling
    clock: Clock
    _taken_s: float = 0.0

    def taken(self) -> None:
        """It goes upstream."""
        now_s, tokens = self.clock.now_s(), self.demand.tokens
        self._taken_s = now_s
        self.tokens.note(self.key, now_s, tokens, tokens)
        self.tokens.sent(tokens, now_s)
        if self.requests.is_told:
            self.requests.note(self.key, now_s, 1, 1)
            self.requests.sent(1, now_s)

    def refused(self) -> None:
        """It was sent away, and would have gone upstream."""
        now_s = self.clock.now_s()
        self.tokens.note(self.key, now_s, 0, self.demand.tokens)
        if self.requests.is_told:
            self.requests.note(self.key, now_s, 0, 1)

    def answered(self, status: int, headers: Sequence[Header]) -> None:
        """What the upstream says of its limits; the names of `headers` in any case."""
        now_s = self.clock.now_s()
        told = {"tokens": [-1, -1], "requests": [-1, -1]}
        for raw_name, value in headers:
            place = LIMITS.get(raw_name.lower())
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
        self.tokens.correct(self.key, self._taken_s, tokens - self.demand.tokens)


class FairShare:
    """The limits of the upstream, by upstream key and model. Belongs to the event loop. `gateways` tells how
    many (1 or more) serve requests under the same upstream keys.
    """

    def __init__(self, clock: Clock, gateways: Callable[[], int] = lambda: 1) -> None:
        self._clock = clock
        self._gateways = gateways
        self._by_model: dict[tuple[str | None, str], tuple[_Ceiling, _Ceiling]] = {}

    def turn(self, key: KeyAccess, demand: Demand) -> Turn:
        """The request's part, not taken yet."""
        place = key.upstream_key, demand.model
        ceilings = self._by_model.get(place)
        if ceilings is None:
            ceilings = self._by_model[place] = (
                _Ceiling(WINDOWS_S["tokens"], self._gateways),
                _Ceiling(WINDOWS_S["requests"], self._gateways),
            )
        return Turn(key, demand, *ceilings, self._clock)

    def denial(self, turn: Turn) -> Denial | None:
        """429 while a limit is scarce and the key has had its share."""
        if not (turn.tokens.is_told or turn.requests.is_told):
            return None
        now_s = self._clock.now_s()
        found = turn.tokens.scarcity(turn.key, turn.demand.tokens, now_s)
        unit: Unit = "tokens"
        if found is None:
            found, unit = turn.requests.scarcity(turn.key, 1, now_s), "requests"
        if found is None:
            return None
        turn.refused()
        return organisation_ceiling(turn.key.lineage_id, turn.demand, unit, found)
