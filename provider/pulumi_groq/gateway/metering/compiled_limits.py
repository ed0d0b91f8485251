"""What is worked out of a key's limits once, not with each of its requests."""

from collections import deque
from typing import Final, NamedTuple

from pulumi_groq.gateway.counters.protocol import Counters, CounterSet
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.decision import quotas_of
from pulumi_groq.policy.limits import Quota, RateHeaders

MOST_LOOKED_AT: Final = 1_000
"""How many one `forget_idle` looks at, so that it never keeps requests waiting for long."""


class CompiledLimits(NamedTuple):
    """Of one key, under one policy, in one month (`YYYY-MM`)."""

    key: KeyAccess
    organisation: OrganisationPolicy | None
    month: str
    quotas: tuple[Quota, ...]
    rate_headers: RateHeaders
    counters: CounterSet


class CompiledLimitsByKey:
    """The compiled limits of the keys in use. Keys and policies are never changed in place, so that
    identity tells whether something changed.

    Limits that were replaced are kept until their counters are idle, too: the next ones go on with the
    levels, and a request that began under the former ones cannot set them back.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._by_key_id: dict[str, CompiledLimits] = {}
        self._kept: deque[CompiledLimits] = deque()

    def of(
        self, key: KeyAccess, organisation: OrganisationPolicy | None, month: str, now_s: float
    ) -> CompiledLimits:
        """The limits that are in force."""
        limits = self._by_key_id.get(key.key_id)
        if (
            limits is not None
            and limits.key is key
            and limits.organisation is organisation
            and limits.month == month
        ):
            return limits
        quotas = quotas_of(key, organisation, month)
        counters = self._counters.counter_set(quotas, now_s)
        made = CompiledLimits(key, organisation, month, quotas, RateHeaders(quotas), counters)
        self._by_key_id[key.key_id] = made
        self._kept.append(made)
        return made

    def forget_idle(self, now_s: float) -> None:
        """Look at up to `MOST_LOOKED_AT` limits in turn and forget those whose counters are idle."""
        for _ in range(min(len(self._kept), MOST_LOOKED_AT)):
            limits = self._kept.popleft()
            if not limits.counters.is_idle(now_s):
                self._kept.append(limits)
            elif self._by_key_id.get(limits.key.key_id) is limits:
                del self._by_key_id[limits.key.key_id]
