"""Many reads, few requests: one list of a stack's keys answers the reads of all of them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from pulumi_groq.admin.client import AdminClient
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.key_snapshot import KeySnapshot

MAX_AGE_S: Final = 30.0

KeyT = TypeVar("KeyT")


class _Snapshot(Generic[KeyT]):
    """An owner's keys by id, listed or being listed; its age counts from the start of the list."""

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at
        self.keys: Future[KeySnapshot[KeyT]] = Future()


class _Listing(Generic[KeyT]):
    """Reads keys from lists of their owners' keys that are at most `max_age_s` seconds old. Thread-safe.

    Threads that ask while a list is under way wait for it instead of starting their own.
    """

    def __init__(
        self,
        client: AdminClient,
        clock: Callable[[], float] = time.monotonic,
        max_age_s: float = MAX_AGE_S,
    ) -> None:
        self._client = client
        self._clock = clock
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._snapshots: dict[str, _Snapshot[KeyT]] = {}

    def _one(self, key_id: str) -> KeyT:
        raise NotImplementedError

    def _of(self, owner: str) -> KeySnapshot[KeyT]:
        raise NotImplementedError

    def get(self, key_id: str, managed_by: str | None) -> KeyT:
        """The key, from the list of what `managed_by` owns; a key that is not on it is read by itself.

        Raises NotFoundError when the key is gone, and only then.
        """
        if managed_by is None:
            return self._one(key_id)
        listed = self.snapshot(managed_by).keys.get(key_id)
        return listed if listed is not None else self._one(key_id)

    def forget(self) -> None:
        """Answer no later read from what was listed so far; to be called after every write."""
        with self._lock:
            self._snapshots.clear()

    def snapshot(self, owner: str) -> KeySnapshot[KeyT]:
        """The keys that `owner` manages."""
        with self._lock:
            snapshot = self._snapshots.get(owner)
            if snapshot is not None and not self._is_stale(snapshot):
                mine = False
            else:
                snapshot = self._snapshots[owner] = _Snapshot(self._clock())
                mine = True
        if mine:
            self._fill(owner, snapshot)
        return snapshot.keys.result()

    def _is_stale(self, snapshot: _Snapshot[KeyT]) -> bool:
        """Whether to list again; a failed list is reported only to the threads that waited for it."""
        if not snapshot.keys.done():
            return False
        too_old = self._clock() - snapshot.began_at > self._max_age_s
        return too_old or snapshot.keys.exception() is not None

    def _fill(self, owner: str, snapshot: _Snapshot[KeyT]) -> None:
        try:
            listed = self._of(owner)
        except BaseException as error:
            snapshot.keys.set_exception(error)
            raise
        snapshot.keys.set_result(listed)


class KeyListing(_Listing[ApiKey]):
    """API keys, from the lists of their owners' keys."""

    def _one(self, key_id: str) -> ApiKey:
        return self._client.get_key(key_id)

    def _of(self, owner: str) -> KeySnapshot[ApiKey]:
        return self._client.snapshot(managed_by=owner)


class AdminKeyListing(_Listing[AdminKey]):
    """Admin keys, from the list of all."""

    def _one(self, key_id: str) -> AdminKey:
        return self._client.get_admin_key(key_id)

    def _of(self, owner: str) -> KeySnapshot[AdminKey]:
        listed = self._client.admin_key_snapshot()
        mine = {key_id: key for key_id, key in listed.keys.items() if key.managed_by == owner}
        return KeySnapshot(listed.as_of, mine)
