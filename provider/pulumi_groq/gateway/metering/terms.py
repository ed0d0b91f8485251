"""On which terms a key's requests are admitted: all that is the same for each of them, made once."""

from collections import deque
from typing import Final, NamedTuple

from pulumi_groq.gateway.counters.protocol import Account, Counters
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.decision import quotas_of
from pulumi_groq.policy.limits import Quota
from pulumi_groq.policy.rate_headers import RateHeaders

MOST_LOOKED_AT: Final = 1_000
"""Terms looked at by one `forget_idle`, so that it never keeps requests waiting for long."""


class Terms(NamedTuple):
    """Of one key, under one policy, in one month (`YYYY-MM`)."""

    key: KeyAccess
    organisation: OrganisationPolicy | None
    month: str
    quotas: tuple[Quota, ...]
    rate_headers: RateHeaders
    account: Account


class TermsByKey:
    """Terms of the keys in use. Keys and policies are never changed in place: others have others.

    Terms that were replaced are kept until their counters are idle, too: the next ones go on with the
    levels, and a request that began under former terms cannot set them back.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._by_key_id: dict[str, Terms] = {}
        self._kept: deque[Terms] = deque()

    def of(self, key: KeyAccess, organisation: OrganisationPolicy | None, month: str, now_s: float) -> Terms:
        """The terms that are in force."""
        terms = self._by_key_id.get(key.key_id)
        if (
            terms is not None
            and terms.key is key
            and terms.organisation is organisation
            and terms.month == month
        ):
            return terms
        quotas = quotas_of(key, organisation, month)
        account = self._counters.account(quotas, now_s)
        made = Terms(key, organisation, month, quotas, RateHeaders(quotas), account)
        self._by_key_id[key.key_id] = made
        self._kept.append(made)
        return made

    def forget_idle(self, now_s: float) -> None:
        """Look at up to `MOST_LOOKED_AT` terms in turn and forget those whose counters are idle."""
        for _ in range(min(len(self._kept), MOST_LOOKED_AT)):
            terms = self._kept.popleft()
            if not terms.account.is_idle(now_s):
                self._kept.append(terms)
            elif self._by_key_id.get(terms.key.key_id) is terms:
                del self._by_key_id[terms.key.key_id]
