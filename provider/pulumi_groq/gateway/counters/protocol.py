"""What the metering expects of a counters back end: each call is one atomic step over several counters."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from pulumi_groq.policy.limits import Demand, Levels, Quota

WhenDown = Literal["local-share", "deny"]
"""While a shared back end cannot be asked: this replica's part of each limit holds, or no request passes."""


class TakeResult(NamedTuple):
    """`refused` is the position of the first quota that the demand did not fit: then nothing was taken.
    `levels` are afterwards, in the order of the quotas; of a demand that was refused, `reserved` is the part
    of each that running requests hold.
    """

    refused: int | None
    levels: Levels
    reserved: Levels = ()


class CounterSet(Protocol):
    """The counters of some quotas.

    Requests count when they are taken, running ones until they are settled. Tokens and money are held, and
    count as used once settled; what is held does not drain, so that a slow request cannot give back more
    than it took. A back end shared by several gateways uses its own server's time and ignores `now_s`.
    """

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        """Take the demand from all counters if `policy.limits.refusing` finds it to fit, or from none. Raises
        `CountersUnavailableError` where a shared back end is out and is to deny.

        What it holds is let go by `settle`, and by a back end that outlives its gateways at `expires_s` (Unix
        seconds) for those that died. `reservation_id` is never used twice.
        """
        ...

    async def full(self, now_s: float) -> TakeResult:
        """Which counter of requests or of running ones is too full for one more; nothing is taken."""
        ...

    async def settle(
        self, demand: Demand, reservation_id: str, *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Release what a reservation holds, and count what was used instead; once for each reservation.

        In a back end that outlives its gateways a second settle does nothing, nor does one of a reservation
        that it let go. In memory the metering sees to it, which settles nothing twice.
        """
        ...

    def is_idle(self, now_s: float) -> bool:
        """Whether nothing would be lost with it: at once, from what this process knows of it."""
        ...


class Counters(Protocol):
    """Rate buckets and totals of money. Sets whose quotas have the same counter keys share the counters."""

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> CounterSet:
        """The counters of these quotas, whose limits are in force from now on. Levels come in their order.

        A total that is not held yet begins with what the back end knows to be spent.
        """
        ...

    def holds(self, quota: Quota) -> bool:
        """Whether a quota of money or of running requests has its counter, and with it all that is held in
        it.
        """
        ...

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Count more, or less, as spent in a total that is held."""
        ...
