"""What the metering expects of a counters back end: each call is one atomic step over several counters."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from pulumi_groq.policy.limits import Charge, Levels


class Taking(NamedTuple):
    """`refused` is the first charge that did not fit: then nothing was taken. `levels` are afterwards."""

    refused: Charge | None
    levels: Levels


class Counters(Protocol):
    """Rate buckets and monthly totals.

    Requests count when they are taken. Tokens and money are held, and count as used once settled;
    what is held does not drain, so that a slow request cannot give back more than it took. A back end
    shared by several gateways uses its own server's time and ignores `now_s`.
    """

    async def take(self, charges: tuple[Charge, ...], now_s: float) -> Taking:
        """Take all charges that `policy.limits.refusing` finds to fit, or none."""
        ...

    async def settle(
        self, charges: tuple[Charge, ...], *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Let go of what the charges hold, and count what was used instead."""
        ...

    async def open_month(self, month: str, spent_micro_usd: Mapping[str, int]) -> None:
        """Go on with `month` (`YYYY-MM`): the ledger's totals by cell, where the back end has none.

        Totals of months before the last one may go.
        """
        ...
