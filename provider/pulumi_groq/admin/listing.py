"""Many reads, few requests: one list of a stack's keys answers the reads of all of them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from pulumi_groq.admin.client import AdminClient, KeySnapshot
from pulumi_groq.models.api_key import ApiKey

MAX_AGE_S: Final = 30.0


class _Snapshot:
    """An owner's keys by id, listed or being listed; its age counts from the start of the list."""

    def __init__(self, began_at: float) -> None:
        self.began_at = began_at
        self.keys: Future[KeySnapshot] = Future()


class KeyListing:
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
        self._snapshots: dict[str, _Snapshot] = {}

    def get(self, key_id: str, managed_by: str | None) -> ApiKey:
        """The key, from the list of what `managed_by` owns; a key that is not on it is read by itself.

        Raises NotFoundError when the key is gone, and only then.
        """
        if managed_by is None:
            return self._client.get_key(key_id)
        listed = self.snapshot(managed_by).keys.get(key_id)
        return listed if listed is not None else self._client.get_key(key_id)

    def forget(self) -> None:
        """Answer no later read from what was listed so far; to be called after every write."""
        with self._lock:
            self._snapshots.clear()

    def snapshot(self, owner: str) -> KeySnapshot:
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

    def _is_stale(self, snapshot: _Snapshot) -> bool:
        """Whether to list again; a failed list is reported only to the threads that waited for it."""
        if not snapshot.keys.done():
            return False
        too_old = self._clock() - snapshot.began_at > self._max_age_s
        return too_old or snapshot.keys.exception() is not None

    def _fill(self, owner: str, snapshot: _Snapshot) -> None:
        try:
            listed = self._client.snapshot(managed_by=owner)
        except BaseException as error:
            snapshot.keys.set_exception(error)
            raise
        snapshot.keys.set_result(listed)
