"""The `x-ratelimit-*` headers as Groq sends them on every answer."""

from collections.abc import Iterable
from typing import Final

from pulumi_groq.policy.bucket import reset_s, used
from pulumi_groq.policy.go_duration import go_duration
from pulumi_groq.policy.limits import Charge, Levels, LimitName

Header = tuple[bytes, bytes]


_UNITS: Final[tuple[tuple[LimitName, bytes], ...]] = (
    ("requests_per_day", b"requests"),
    ("tokens_per_minute", b"tokens"),
)
_NAMES: Final[dict[LimitName, tuple[bytes, bytes, bytes]]] = {
    limit: (b"x-ratelimit-limit-" + unit, b"x-ratelimit-remaining-" + unit, b"x-ratelimit-reset-" + unit)
    for limit, unit in _UNITS
}


def rate_headers(charges: Iterable[Charge], levels: Levels) -> tuple[Header, ...]:
    """The daily request limit and the per-minute token limit: Groq's other limits have no header.

    A limit that is unlimited has no headers: there is no number that means it, and clients take a
    missing header for unknown, not for exhausted.
    """
    headers: list[Header] = []
    for name, _, _, _, limit, window_s in charges:
        if name in _NAMES and limit is not None and window_s is not None:
            limit_header, remaining_header, reset_header = _NAMES[name]
            taken = used(levels[name])
            reset = go_duration(reset_s(used=taken, limit=limit, window_s=window_s))
            headers.append((limit_header, b"%d" % limit))
            headers.append((remaining_header, b"%d" % max(0, limit - taken)))
            headers.append((reset_header, reset.encode()))
    return tuple(headers)
