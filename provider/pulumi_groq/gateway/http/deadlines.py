"""How long a connection may stay in each state before it is closed."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds.

    `head_s`: from connecting, or from the first byte of a further request, to the end of its head.
    `keep_alive_s`: from an answer to the first byte of the next request; on a reserved place also for a head.
    `body_s`: between two pieces of a body while the application waits for it.
    `early_s`: from an answer to the end of a body that was not needed for it.
    `write_s`: without the client taking any of the bytes that are to be sent.
    `linger_s`: from the last byte sent to the end of a connection that is being closed.
    """

    head_s: float = 30.0
    keep_alive_s: float = 5.0
    body_s: float = 60.0
    early_s: float = 5.0
    write_s: float = 60.0
    linger_s: float = 2.0

    @property
    def shortest_s(self) -> float:
        """The shortest of them: checking that often misses none."""
        return min(self.head_s, self.keep_alive_s, self.body_s, self.early_s, self.write_s, self.linger_s)


DEFAULT_DEADLINES: Final = Deadlines()
