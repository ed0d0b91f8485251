"""Exchanges of tokens in the chain of changes: an entry each, as far as nobody can flood it."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.change_log import Actor, log_exchange
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.gateway.store.store import Store

MOST_GRANTED_AN_HOUR: Final = 60
"""Of one identity: its further exchanges within the hour are counted, and the next entry tells how many."""

MOST_REFUSED_AN_HOUR: Final = 20
"""Of all refused tokens together: whoever reaches the gateway can send them."""

_HOUR_S: Final = 3600
_MOST_KEPT: Final = 10_000
_REFUSED: Final = ""


class Attempt(NamedTuple):
    """One request for an exchange: from where, and its id."""

    address: str
    request_id: str


@dataclass(slots=True)
class _Noted:
    """When the entries of the last hour were written (Unix seconds), and how many were left out since."""

    at_s: deque[float] = field(default_factory=deque)
    left_out: int = 0


class ExchangeLog:
    """Writes entries. All of it belongs to the event loop, but for the store's part."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._noted: OrderedDict[str, _Noted] = OrderedDict()

    async def granted(self, attempt: Attempt, identity: IdentityRecord, subject: str) -> None:
        """A token of `subject` is about to be exchanged for a credential of `identity`.

        Raises `StoreUnavailableError` where a role on the admin plane would be given unwritten. Use of the
        inference plane goes on while the store is away, and is counted.
        """
        by = Actor(identity.id, subject, identity.admin_role or "", *attempt)
        told: dict[str, str | int] = {"credential_minutes": identity.credential_minutes}
        try:
            await self._note(identity.id, MOST_GRANTED_AN_HOUR, by, identity, told)
        except StoreUnavailableError:
            if identity.admin_role:
                raise

    async def refused(self, attempt: Attempt, why: str, subject: str | None) -> None:
        """A token was refused. Where the store is away it is counted, and told later."""
        by = Actor("", subject, "", *attempt)
        try:
            await self._note(_REFUSED, MOST_REFUSED_AN_HOUR, by, None, {"reason": why})
        except StoreUnavailableError:
            return

    async def _note(
        self,
        whose: str,
        most_an_hour: int,
        by: Actor,
        identity: IdentityRecord | None,
        came_of_it: Mapping[str, str | int],
    ) -> None:
        noted = self._noted.setdefault(whose, _Noted())
        self._noted.move_to_end(whose)
        if len(self._noted) > _MOST_KEPT:
            self._noted.popitem(last=False)
        now = self._clock.now()
        while noted.at_s and noted.at_s[0] <= now.timestamp() - _HOUR_S:
            noted.at_s.popleft()
        if len(noted.at_s) >= most_an_hour:
            noted.left_out += 1
            return
        left_out, noted.left_out = noted.left_out, 0
        noted.at_s.append(now.timestamp())
        told = {**came_of_it, "not_written_before": left_out} if left_out else came_of_it

        def write() -> None:
            with self._store.write() as connection:
                log_exchange(connection, by, identity, told, now)

        try:
            await asyncio.to_thread(write)
        except StoreUnavailableError:
            noted.left_out += left_out + 1
            raise
