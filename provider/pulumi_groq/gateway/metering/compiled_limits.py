"""What is worked out of a key's limits once, not with each of its requests."""

from collections import deque
from typing import Final, NamedTuple

from pulumi_groq.gateway.counters.protocol import Counters, CounterSet
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.limits import Quota, RateHeaders
from pulumi_groq.policy.windows import shared_time

MOST_LOOKED_AT: Final = 1_000
"""How many one `forget_idle` looks at, so that it never keeps requests waiting for long."""

_Name = str | tuple[str, str]


class CompiledLimits(NamedTuple):
    """Of one key, for one model or for all that it has no limits for, under one policy, in one window of each
    budget: from `from_s` until before `until_s` (Unix seconds).
    """

    name: _Name
    key: KeyAccess
    organisation: OrganisationPolicy | None
    from_s: int
    until_s: int
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
        self._by_name: dict[_Name, CompiledLimits] = {}
        self._kept: deque[CompiledLimits] = deque()

    def find(
        self, key: KeyAccess, organisation: OrganisationPolicy | None, model: str | None, now_s: float
    ) -> CompiledLimits | None:
        """The limits that are in force, if they are made already."""
        is_bound = model is not None and model in key.model_bounds
        limits = self._by_name.get(_name(key, model) if is_bound else key.key_id)
        if (
            limits is not None
            and limits.key is key
            and limits.organisation is organisation
            and limits.from_s <= now_s < limits.until_s
        ):
            return limits
        return None

    def make(
        self,
        key: KeyAccess,
        organisation: OrganisationPolicy | None,
        model: str | None,
        quotas: tuple[Quota, ...],
        now_s: float,
    ) -> CompiledLimits:
        """The limits that are in force, from now on: these quotas."""
        name = _name(key, model)
        times = shared_time(quota.window for quota in quotas if quota.window is not None)
        counters = self._counters.counter_set(quotas, now_s)
        made = CompiledLimits(name, key, organisation, *times, quotas, RateHeaders(quotas), counters)
        self._by_name[name] = made
        self._kept.append(made)
        return made

    def forget_idle(self, now_s: float) -> None:
        """Look at up to `MOST_LOOKED_AT` limits in turn and forget those whose counters are idle."""
        for _ in range(min(len(self._kept), MOST_LOOKED_AT)):
            limits = self._kept.popleft()
            if not limits.counters.is_idle(now_s):
                self._kept.append(limits)
            elif self._by_name.get(limits.name) is limits:
                del self._by_name[limits.name]


def _name(key: KeyAccess, model: str | None) -> _Name:
    """The key's id; with the model where the key has limits for it."""
    if model is None or model not in key.model_bounds:
        return key.key_id
    return key.key_id, model
