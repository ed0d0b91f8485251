"""How often a credential or an address may be refused before it has to wait."""

from collections import OrderedDict, deque
from typing import Final

from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal
from pulumi_groq.gateway.protocols import Clock

WINDOW_S: Final = 60
MOST_IN_WINDOW: Final = 60
_MOST_KEPT: Final = 10_000


class RefusedAttempts:
    """Counts refusals of the last minute by credential (403) and by address (401); memory is bounded.

    Whoever has collected `MOST_IN_WINDOW` is answered 429 until the oldest is a minute old. An address
    has to wait only with what is no credential: behind a proxy that is not trusted all callers share one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused_at_s: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, who: str) -> None:
        """Count one refusal of an actor or an address."""
        refused_at_s = self._refused_at_s.setdefault(who, deque(maxlen=MOST_IN_WINDOW))
        refused_at_s.append(self._clock.now().timestamp())
        self._refused_at_s.move_to_end(who)
        if len(self._refused_at_s) > _MOST_KEPT:
            self._refused_at_s.popitem(last=False)

    def require_few(self, who: str) -> None:
        """Raise 429 `too_many_refusals` while `who` has to wait."""
        refused_at_s = self._refused_at_s.get(who)
        if refused_at_s is None or len(refused_at_s) < MOST_IN_WINDOW:
            return
        wait_s = refused_at_s[0] + WINDOW_S - self._clock.now().timestamp()
        if wait_s > 0:
            raise Refusal(
                429,
                INVALID_REQUEST,
                f"Refused {MOST_IN_WINDOW} times within a minute: wait, and use a credential that may",
                code="too_many_refusals",
                headers=((b"retry-after", b"%d" % (int(wait_s) + 1)),),
                close=True,
            )
