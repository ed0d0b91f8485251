"""Follows what other gateways on the same store change: at once when they announce it, else in a second."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from pulumi_groq.gateway.directory_sync import DirectorySync
from pulumi_groq.gateway.health import Background
from pulumi_groq.gateway.store.change_log import ChangedObject
from pulumi_groq.gateway.store.ended_sessions import EndedSession, sessions_ended

FOLLOW_PERIOD_S: Final = 1.0
DIRECTORY: Final = "directory"

Changed = Callable[[Sequence[ChangedObject] | None], Coroutine[Any, Any, None]]
"""Told what other gateways, or this one, changed; `None` is everything."""


class Following:
    """Belongs to the event loop. `ended` hears of sessions of the page that were ended elsewhere."""

    def __init__(
        self,
        *,
        sync: DirectorySync,
        background: Background,
        ended: Callable[[Sequence[EndedSession]], None],
    ) -> None:
        self._sync = sync
        self._background = background
        self._ended = ended
        self._told: list[Changed] = []
        self._one_at_a_time = asyncio.Lock()
        self._is_due = False

    @property
    def seen(self) -> int:
        """The id of the last change that is in force here."""
        return self._sync.seen

    def tell(self, changed: Changed) -> None:
        """Have `changed` told of each change, once it is in force."""
        self._told.append(changed)

    async def round(self) -> None:
        """Put in force what was changed. Raises `StoreUnavailableError`."""
        self._is_due = True
        async with self._one_at_a_time:
            if not self._is_due:
                return  # the round that was waited for has read it
            self._is_due = False
            ended: list[EndedSession] = []
            changed = await asyncio.to_thread(
                self._sync.catch_up, lambda connection: ended.extend(sessions_ended(connection))
            )
            if changed is None or changed:
                # Not awaited: what they do may wait for whoever has asked for this round.
                for told in self._told:
                    self._background.once(DIRECTORY, told(changed))
            self._ended(ended)

    async def heard(self, _payload: str) -> None:
        """Another gateway says that it has changed something: many such words are one round."""
        if not self._is_due:
            self._is_due = True
            self._background.once(DIRECTORY, self.round())
