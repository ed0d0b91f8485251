"""The `x-ratelimit-*` headers as Groq sends them on every answer."""

from collections.abc import Sequence
from typing import Final

from pulumi_groq.policy.bucket import reset_s, used
from pulumi_groq.policy.go_duration import go_duration
from pulumi_groq.policy.limits import Levels, LimitName, Quota
from pulumi_groq.policy.metering import Header

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
