"""How often a wrong key or token may be tried before whoever tries has to wait."""

from collections import OrderedDict, deque
from typing import Final

from pulumi_groq.gateway.protocols import Clock

WINDOW_S: Final = 300
MOST_OF_ONE_ADDRESS: Final = 5
MOST_IN_ALL: Final = 100
_MOST_ADDRESSES: Final = 1_000


class SignInAttempts:
    """Counts failures of the last five minutes, by address and in all; memory is bounded.

    Behind a proxy that is not trusted all callers share its address: then five wrong keys pause the sign-in
    for all.
    """

    def __init__(
        self, clock: Clock, most_of_one_address: int = MOST_OF_ONE_ADDRESS, most_in_all: int = MOST_IN_ALL
    ) -> None:
        self._clock = clock
        self._most_of_one_address = most_of_one_address
        self._all: deque[float] = deque(maxlen=most_in_all)
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """How many seconds the address must wait before its next attempt; 0 when it need not."""
        own = self._by_address.get(address)
        waits = [self._wait_s(self._all)]
        if own is not None:
            waits.append(self._wait_s(own))
        return max(waits)

    def failed(self, address: str) -> None:
        """Note a wrong key."""
        now_s = self._clock.now().timestamp()
        self._all.append(now_s)
        own = self._by_address.setdefault(address, deque(maxlen=self._most_of_one_address))
        own.append(now_s)
        self._by_address.move_to_end(address)
        if len(self._by_address) > _MOST_ADDRESSES:
            self._by_address.popitem(last=False)

    def _wait_s(self, failures: deque[float]) -> int:
        if len(failures) < (failures.maxlen or 0):
            return 0
        left_s = failures[0] + WINDOW_S - self._clock.now().timestamp()
        return max(int(left_s) + 1, 0) if left_s > 0 else 0
