"""Keys share the upstream's own limits by their weights, once these are near."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from fake_clock import FakeClock
from pulumi_groq.gateway.inference.fair_share import FairShare, Turn
from pulumi_groq.policy.access import KeyAccess, Limits
from pulumi_groq.policy.limits import Demand, Denial

MODEL = "openai/gpt-oss-20b"
FULL = [(b"x-ratelimit-limit-tokens", b"300"), (b"x-ratelimit-remaining-tokens", b"0")]
LIMIT = 6_000
"""Tokens a minute of the simulated organisation."""
TOKENS = 20
"""Of one request: 300 a minute fill the limit."""
STEP_S = 0.1


def key(name: str, share: int = 1, **fields: Any) -> KeyAccess:
    models = frozenset({MODEL})
    return KeyAccess(name, name, name, None, models, Limits(), None, None, False, share=share, **fields)


@dataclass
class Groq:
    """A leaky bucket of tokens that answers with its headers, or 429 when it is full."""

    clock: FakeClock
    limit: int = LIMIT
    used: float = 0.0
    at_s: float = 0.0
    refused: int = 0

    def answer(self, tokens: int) -> tuple[int, list[tuple[bytes, bytes]]]:
        now_s = self.clock.now().timestamp()
        self.used = max(0.0, self.used - (now_s - self.at_s) * self.limit / 60)
        self.at_s = now_s
        status = 200
        if self.used + tokens > self.limit:
            status = 429
            self.refused += 1
        else:
            self.used += tokens
        remaining = int(self.limit - self.used)
        return status, [
            (b"X-RateLimit-Limit-Tokens", b"%d" % self.limit),
            (b"x-ratelimit-remaining-tokens", b"%d" % remaining),
        ]


@dataclass
class Traffic:
    """Keys that ask at their own rates, in front of one organisation."""

    per_minute: Mapping[KeyAccess, float]
    is_fair: bool = True
    gateways: int = 1
    """Requests of each key go to them in turn."""
    clock: FakeClock = field(default_factory=FakeClock)
    denials: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.groq = Groq(self.clock)
        self.shares = [FairShare(self.clock, lambda: self.gateways) for _ in range(self.gateways)]
        self._calls: Counter[str] = Counter()
        self._owed = dict.fromkeys(self.per_minute, 0.0)

    def run(self, minutes: float) -> dict[str, float]:
        """Tokens a minute that each key was served."""
        served: Counter[str] = Counter()
        for _ in range(round(minutes * 60 / STEP_S)):
            for each, rate in self.per_minute.items():
                self._owed[each] += rate * STEP_S / 60
                while self._owed[each] >= 1:
                    self._owed[each] -= 1
                    served[each.key_id] += self._call(each)
            self.clock.advance(seconds=STEP_S)
        return {each.key_id: served[each.key_id] / minutes for each in self.per_minute}

    def _call(self, caller: KeyAccess) -> int:
        self._calls[caller.key_id] += 1
        shares = self.shares[self._calls[caller.key_id] % self.gateways]
        turn = shares.turn(caller, Demand(MODEL, TOKENS, 1))
        if self.is_fair and shares.denial(turn) is not None:
            self.denials[caller.key_id] += 1
            return 0
        turn.taken()
        status, headers = self.groq.answer(TOKENS)
        turn.answered(status, headers)
        tokens = TOKENS if status == 200 else 0
        turn.over(tokens)
        return tokens


MODEST = [key(f"modest{number}") for number in range(3)]
SHARE = LIMIT / 4


def greedy_and(modest_per_minute: float, **fields: Any) -> Traffic:
    """One key that asks for thirty times the limit, and three that ask for so many requests a minute."""
    return Traffic({key("greedy"): 9_000, **dict.fromkeys(MODEST, modest_per_minute)}, **fields)


@pytest.mark.parametrize("gateways", [1, 2, 4])
@pytest.mark.parametrize("asked", [SHARE / 2, SHARE, 2 * SHARE], ids=["half", "all", "twice"])
def test_modest_keys_get_their_share_beside_a_greedy_one(asked: float, gateways: int) -> None:
    """What they ask for up to their share, within 5 %, and the limit is used up all the same; with several
    gateways, too, none of which knows what the others serve, but for a request that does not fit a part.
    """
    traffic = greedy_and(asked / TOKENS, gateways=gateways)
    traffic.run(2)
    served = traffic.run(10)

    for modest in MODEST:
        assert served[modest.key_id] >= 0.95 * min(asked, SHARE) - (gateways - 1) * TOKENS
    assert sum(served.values()) >= 0.9 * LIMIT
    assert traffic.denials["greedy"] > 0


def test_first_come_first_served_starves_them() -> None:
    """The simulation without shares: what the test above guards against."""
    traffic = greedy_and(SHARE / TOKENS, is_fair=False)
    traffic.run(2)
    served = traffic.run(10)

    assert all(served[modest.key_id] < 0.5 * SHARE for modest in MODEST)


@pytest.mark.parametrize("gateways", [1, 4])
def test_shares_follow_the_weights(gateways: int) -> None:
    """A key with twice the share gets twice as much, within 5 %."""
    wide, narrow = key("wide", share=2), key("narrow")
    traffic = Traffic({wide: 9_000, narrow: 9_000}, gateways=gateways)
    traffic.run(2)
    served = traffic.run(10)

    assert served["wide"] / served["narrow"] == pytest.approx(2, rel=0.05)


def test_nobody_is_held_while_there_is_room() -> None:
    """One key may have 80 % of the limit alone."""
    traffic = Traffic({key("alone"): 0.75 * LIMIT / TOKENS})
    served = traffic.run(5)

    assert served["alone"] == pytest.approx(0.75 * LIMIT, rel=0.02)
    assert traffic.denials == Counter()


def test_a_gateway_that_serves_alone_beside_idle_ones_gets_what_is_not_scarce() -> None:
    """Of two that live one has no requests: from 80 % on nobody has its part, below it nobody is held."""
    traffic = Traffic({key("one"): 9_000, key("other"): 9_000})
    traffic.shares = [FairShare(traffic.clock, lambda: 2)]
    traffic.run(2)

    assert sum(traffic.run(10).values()) >= 0.75 * LIMIT


def filled(shares: FairShare, *, other: KeyAccess, tokens: int = 100) -> Turn:
    """A key that has filled the organisation's limit beside another that asks for as much."""
    greedy = key("greedy", upstream_key=other.upstream_key)
    for each in (greedy, greedy, other):
        turn = shares.turn(each, Demand(MODEL, tokens, 1))
        turn.taken()
        turn.over(tokens)
    turn.answered(200, [(b"x-ratelimit-limit-tokens", b"300"), (b"x-ratelimit-remaining-tokens", b"10")])
    return shares.turn(greedy, Demand(MODEL, tokens, 1))


def test_the_refusal_says_that_it_is_the_organisations_ceiling() -> None:
    """In Groq's words, with the key's share and what it has had."""
    shares = FairShare(FakeClock())
    denial = shares.denial(filled(shares, other=key("other")))

    assert isinstance(denial, Denial)
    assert (denial.status, denial.type, denial.code) == (429, "tokens", "rate_limit_exceeded")
    assert denial.reason == "organisation_ceiling"
    assert (
        "on tokens per minute (TPM): Limit 300, Used 290, Requested 100. Please try again in "
        in denial.message
    )
    assert "the limit of the organisation at the upstream, not of this API key" in denial.message
    assert "That of this API key is 200, of which it has had 200." in denial.message
    assert denial.retry_after_s == 30


def test_what_a_long_stream_gives_back_is_no_room_of_the_next_minute() -> None:
    """It was had more than a window ago: the key's share is what it has had since, not less."""
    clock = FakeClock()
    shares = FairShare(clock)
    greedy, other = key("greedy"), key("other")
    stream = shares.turn(greedy, Demand(MODEL, 300, 1))
    stream.taken()
    clock.advance(seconds=61)
    for each in (greedy, greedy, other):
        shares.turn(each, Demand(MODEL, 100, 1)).taken()
    stream.over(10)
    last = shares.turn(greedy, Demand(MODEL, 100, 1))
    last.answered(200, [(b"x-ratelimit-limit-tokens", b"300"), (b"x-ratelimit-remaining-tokens", b"0")])
    assert shares.denial(last) is not None


def test_another_upstream_key_and_another_model_have_limits_of_their_own() -> None:
    """A full project says nothing of its neighbour."""
    shares = FairShare(FakeClock())
    filled(shares, other=key("other"))
    elsewhere = key("greedy", upstream_key="research")

    assert shares.denial(shares.turn(elsewhere, Demand(MODEL, 100, 1))) is None
    assert shares.denial(shares.turn(key("greedy"), Demand("llama-3.1-8b-instant", 100, 1))) is None


def test_a_key_that_has_had_nothing_is_let_through_however_large_its_request() -> None:
    """The upstream judges it; else a request above its share would wait for ever."""
    shares = FairShare(FakeClock())
    filled(shares, other=key("other"))

    assert shares.denial(shares.turn(key("new"), Demand(MODEL, 250, 1))) is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-ratelimit-limit-tokens", b"-5"), (b"x-ratelimit-remaining-tokens", b"1e99")],
        [(b"x-ratelimit-limit-tokens", b"0"), (b"x-ratelimit-remaining-tokens", b"0")],
        [(b"x-ratelimit-limit-tokens", b"9" * 99), (b"x-ratelimit-remaining-tokens", b"0")],
        [(b"x-ratelimit-remaining-tokens", b"0")],
    ],
)
def test_headers_that_say_nothing_hold_nobody(headers: list[tuple[bytes, bytes]]) -> None:
    """Whatever is in the place of a number."""
    shares = FairShare(FakeClock())
    greedy = key("greedy")
    for _ in range(3):
        turn = shares.turn(greedy, Demand(MODEL, 100, 1))
        turn.taken()
        turn.answered(200, headers)

    assert shares.denial(shares.turn(greedy, Demand(MODEL, 100, 1))) is None


def test_a_429_without_headers_makes_what_was_just_had_the_limit() -> None:
    """An upstream that tells no limit is shared all the same, until its bucket has drained."""
    clock = FakeClock()
    shares = FairShare(clock)
    greedy, modest = key("greedy"), key("modest")
    for each in (greedy, greedy, greedy, modest):
        turn = shares.turn(each, Demand(MODEL, 100, 1))
        turn.taken()
        turn.over(100)
    turn.answered(429, [])
    assert shares.denial(shares.turn(greedy, Demand(MODEL, 100, 1))) is not None
    assert shares.denial(shares.turn(modest, Demand(MODEL, 50, 1))) is None
    clock.advance(seconds=60)

    assert shares.denial(shares.turn(greedy, Demand(MODEL, 100, 1))) is None


def test_a_429_without_headers_is_no_limit_of_later_minutes() -> None:
    """What was had in one minute says nothing of an upstream that tells no limit and refuses no more."""
    clock = FakeClock()
    shares = FairShare(clock)
    alone = key("alone")
    refused = shares.turn(alone, Demand(MODEL, 100, 1))
    refused.taken()
    refused.answered(429, [])
    refused.over(0)
    clock.advance(seconds=61)

    for _ in range(5):
        turn = shares.turn(alone, Demand(MODEL, 100, 1))
        assert shares.denial(turn) is None
        turn.taken()
        turn.answered(200, [])
        turn.over(60)


@pytest.mark.parametrize("headers", [[], FULL], ids=["told by a 429 alone", "told by headers"])
def test_a_clock_that_is_set_back_holds_nobody(headers: list[tuple[bytes, bytes]]) -> None:
    """What was had in its future would count, and never drain, until it is there again."""
    clock = FakeClock()
    shares = FairShare(clock)
    keys = [key("one"), key("other")]
    for each in keys:
        turn = shares.turn(each, Demand(MODEL, 150, 1))
        turn.taken()
        turn.answered(429, headers)
    assert all(shares.denial(shares.turn(each, Demand(MODEL, 100, 1))) is not None for each in keys)
    clock.advance(hours=-2)

    assert all(shares.denial(shares.turn(each, Demand(MODEL, 100, 1))) is None for each in keys)
