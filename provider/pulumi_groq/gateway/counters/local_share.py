"""What one replica knows of a shared bucket, and its own part of the limit while nobody can be asked."""

from typing import NamedTuple

from pulumi_groq.policy.limits import Bucket, Quota, drain


class Restored(NamedTuple):
    """What a server is told that did not know it: the level was at `least` so high, and so much was admitted
    `besides`.
    """

    least: float
    besides: float


class SharedBucket:
    """The level as it was last told, drained since; and, during an outage, a bucket of this replica's own
    whose limit is its part. All own parts together are at most the limit.
    """

    __slots__ = ("__weakref__", "_booked", "_known", "_replicas", "limit", "own", "place", "window_s")

    own: Bucket | None
    place: str
    """Where the level was told, or handed over: the server and the home there; empty for nowhere."""

    def __init__(self, limit: int, window_s: int, now_s: float) -> None:
        self.limit = limit
        self.window_s = window_s
        self.own = None
        self.place = ""
        self._known = Bucket(limit, window_s, now_s)
        self._booked = Bucket(limit, window_s, now_s)
        """Without what running requests hold, which others may have let go."""
        self._replicas = 1

    def hold_to(self, limit: int, now_s: float) -> None:
        """The limit is another one from now on."""
        if limit != self.limit:
            self._drain(now_s)
            self.limit = limit

    def told(self, level: float, held: float, place: str, now_s: float) -> None:
        """A server has counted, and the bucket is at `level` with what is `held` in it."""
        self._known.level = level
        self._booked.level = level - held
        self._known.updated_s = self._booked.updated_s = now_s
        self.place = place
        self.own = None

    def settled(self, reserved: int, used: int) -> None:
        """So much was used of what was reserved."""
        self._known.level = max(0.0, self._known.level - (reserved - used))
        self._booked.level += used

    def known_level(self, now_s: float) -> float:
        """At least this much is in it still."""
        self._drain(now_s)
        return self._known.level

    def booked_level(self, now_s: float) -> float:
        """So much is in it whatever becomes of the requests that run: a server that has less has lost it."""
        self._drain(now_s)
        return self._booked.level

    def own_part(self, replicas: int, now_s: float) -> Bucket:
        """The bucket to decide by during an outage; begins with this replica's part of what is known."""
        if self.own is None:
            self._replicas = replicas
            self.own = Bucket(self.limit // replicas, self.window_s, now_s)
            self.own.level = self.known_level(now_s) / replicas
        self.own.limit = self.limit // replicas
        return self.own

    def knows(self, place: str) -> bool:
        """Whether this server has been told of everything."""
        return self.own is None and self.place in {"", place}

    def hand_over(self, place: str, now_s: float) -> Restored:
        """What the server that is asked next does not know: told once, since calls keep their order."""
        known = self.known_level(now_s)
        besides = 0.0
        if self.own is not None:
            self.own.drain(now_s)
            besides = max(0.0, self.own.level + self.own.held - known / self._replicas)
        least = known if self.place not in {"", place} else 0.0
        self.own, self.place = None, place
        return Restored(least, besides)

    def _drain(self, now_s: float) -> None:
        self._known.limit = self._booked.limit = self.limit
        drain((self._known, self._booked), now_s)

    def is_empty(self, now_s: float) -> bool:
        """Whether nothing is known that matters."""
        return self.known_level(now_s) == 0 and (self.own is None or not self.own.held)


def level_as_of_the_limit(quota: Quota, part: int, level: float, amount: int, replicas: int) -> float:
    """The level to tell a client, by the whole limit, when this own `part` of it is at `level`: what is left
    is what is left of the part, and the wait until `amount` fits is that of the part. How long to wait for
    running requests nobody knows.
    """
    limit = quota.ceiling or 0
    if quota.unit == "running":
        return limit - (part - level)
    missing = level + amount - part
    return limit - amount + missing * replicas if missing > 0 else limit - (part - level)
