"""The requests in flight, oldest first."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from pulumi_groq.gateway.counters.protocol import CounterSet
from pulumi_groq.gateway.metering.entries import Admission
from pulumi_groq.policy.metering import Demand


class OpenLease(NamedTuple):
    """A reservation that nobody has settled yet: the demand it holds of a counter set, its journal line."""

    admission: Admission
    counters: CounterSet
    demand: Demand
    line: bytes


class OpenLeases:
    """Open leases by id. A lease may stay open for `ttl_s` seconds."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._by_id: OrderedDict[str, OpenLease] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, lease: OpenLease) -> None:
        """Remember a lease; its request id must not be in use."""
        request_id = lease.admission.request_id
        if request_id in self._by_id:
            raise ValueError(f"request {request_id} holds a lease already")
        self._by_id[request_id] = lease

    def take(self, lease_id: str) -> OpenLease | None:
        """The lease, which is open no more; `None` when it was not."""
        return self._by_id.pop(lease_id, None)

    def any_expired(self, now_s: float) -> bool:
        """Whether a lease has been open for too long."""
        if not self._by_id:
            return False
        oldest = next(iter(self._by_id.values()))
        return oldest.admission.started_s + self._ttl_s <= now_s

    def expired(self, now_s: float) -> Iterator[OpenLease]:
        """Takes out, one by one, the leases that have been open for too long."""
        while self.any_expired(now_s):
            _, oldest = self._by_id.popitem(last=False)
            yield oldest

    def lines(self) -> bytes:
        """The journal lines of all open leases."""
        return b"".join(lease.line for lease in self._by_id.values())
