"""The calls of `rates.lua`, and what it answers."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from struct import pack, unpack
from typing import Final

from pulumi_groq.gateway.counters.local_share import Restored
from pulumi_groq.gateway.counters.redis_servers import slot_of
from pulumi_groq.policy.limits import Quota, Unit

SCRIPT: Final = files("pulumi_groq.gateway.counters").joinpath("rates.lua").read_text()
KEY_PREFIX: Final = "pulumi-groq"
MOST_RENEWED: Final = 1_000
"""Requests in one call, so that it never takes long."""

_SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()
_UNITS: Final[Mapping[Unit, int]] = {"tokens": 0, "requests": 1, "running": 2}


class ScriptCalls:
    """The calls for the counters of some quotas, all of which are in the `slot` of their `home`. They count
    on the server's own time unless `uses_server_time` is false: then on `now_s` (Unix seconds).
    """

    __slots__ = ("_head", "_uses_server_time", "_words", "home", "slot")

    def __init__(self, quotas: Sequence[Quota], *, uses_server_time: bool) -> None:
        self._uses_server_time = uses_server_time
        self.home = quotas[0].home if quotas else ""
        self.slot = slot_of(self.home)
        keys: list[bytes] = []
        for quota in quotas:
            key = f"{KEY_PREFIX}:{{{self.home}}}:{quota.counter_key}"
            keys += [key.encode(), f"{key}:holds".encode()]
        packed = b"".join(
            pack("<ddd", _UNITS[quota.unit], quota.ceiling or 0, quota.window_s or 0) for quota in quotas
        )
        head = [b"EVALSHA", _SHA, b"%d" % len(keys), *keys, packed]
        self._words = len(head)
        self._head = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in head)

    def take(
        self,
        now_s: float,
        reservation_id: str,
        tokens: int,
        *,
        expires_s: float,
        restored: Sequence[Restored | None],
        booked: Sequence[float],
        drains_first: bool,
    ) -> bytes:
        """Take one request of so many tokens. `restored` is of each quota what the server does not know, or
        of none; `booked` the level of each, should the server have lost it.
        """
        told = b"".join(bytes(16) if each is None else pack("<dd", *each) for each in restored)
        expiry = repr(expires_s - now_s).encode()
        reserved = reservation_id.encode(), b"%d" % tokens
        levels = pack(f"<{len(booked)}d", *booked)
        return self._call(b"take", now_s, *reserved, expiry, told, b"1" if drains_first else b"", levels)

    def full(self, now_s: float) -> bytes:
        """Look whether one more request fits."""
        return self._call(b"full", now_s, b"", b"0", b"", b"", b"")

    def settle(self, now_s: float, reservation_id: str, tokens: int, used: int) -> bytes:
        """Let go what a request holds, and count the tokens that it used."""
        return self._call(b"settle", now_s, reservation_id.encode(), b"%d" % tokens, b"%d" % used, b"", b"")

    def renew(self, now_s: float, reservation_ids: Iterable[str]) -> bytes:
        """Say that requests run, at most `MOST_RENEWED`."""
        return self._call(b"renew", now_s, *(each.encode() for each in reservation_ids))

    def _call(self, operation: bytes, now_s: float, *words: bytes) -> bytes:
        now = b"" if self._uses_server_time else repr(now_s).encode()
        tail = b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in (operation, now, *words)])
        return b"*%d\r\n%b%b" % (self._words + 2 + len(words), self._head, tail)


def read_answer(answer: bytes) -> tuple[int | None, list[float], list[float]]:
    """The quota that refused, and level and what is held in it of each counter: levels hold both."""
    refused, *pairs = unpack(f"<{len(answer) // 8}d", answer)
    held = pairs[1::2]
    levels = [level + holds for level, holds in zip(pairs[::2], held, strict=True)]
    return (None if refused < 0 else int(refused)), levels, held
