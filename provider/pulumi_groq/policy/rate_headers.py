"""The `x-ratelimit-*` headers as Groq sends them on every answer."""

from collections.abc import Iterable

from pulumi_groq.policy.bucket import reset_s, used
from pulumi_groq.policy.go_duration import go_duration
from pulumi_groq.policy.limits import Charge, Levels

Header = tuple[bytes, bytes]


def rate_headers(charges: Iterable[Charge], levels: Levels) -> tuple[Header, ...]:
    """The daily request limit and the per-minute token limit: Groq's other limits have no header.

    A limit that is unlimited has no headers: there is no number that means it, and clients take a
    missing header for unknown, not for exhausted.
    """
    headers: list[Header] = []
    for charge in charges:
        if charge.limit == "requests_per_day":
            headers += _of(b"requests", charge, levels)
        elif charge.limit == "tokens_per_minute":
            headers += _of(b"tokens", charge, levels)
    return tuple(headers)


def _of(unit: bytes, charge: Charge, levels: Levels) -> tuple[Header, Header, Header]:
    limit, window_s = charge.ceiling or 0, charge.window_s or 0
    taken = used(levels[charge.limit])
    reset = go_duration(reset_s(used=taken, limit=limit, window_s=window_s))
    return (
        (b"x-ratelimit-limit-" + unit, b"%d" % limit),
        (b"x-ratelimit-remaining-" + unit, b"%d" % max(0, limit - taken)),
        (b"x-ratelimit-reset-" + unit, reset.encode()),
    )
