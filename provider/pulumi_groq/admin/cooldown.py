"""One pause for all parallel calls: when the server asks one of them to wait, all wait."""

import threading
from collections.abc import Callable


class Cooldown:
    """The time until which nobody calls the server. Thread-safe; times are of `clock`, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = clock()

    def hold(self, duration_s: float) -> None:
        """Let nobody call for `duration_s` from now; a longer pause that is already under way stands."""
        with self._lock:
            self._until = max(self._until, self._clock() + duration_s)

    def remaining_s(self) -> float:
        """How long the pause still lasts; 0 when there is none."""
        with self._lock:
            return max(0.0, self._until - self._clock())
