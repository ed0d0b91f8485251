"""On which terms a key's requests are admitted: all that is the same for each of them, made once."""

from typing import Final, NamedTuple

from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.decision import quotas_of
from pulumi_groq.policy.limits import Quota
from pulumi_groq.policy.rate_headers import RateHeaders

MOST_KEYS: Final = 10_000


class Terms(NamedTuple):
    """Of one key, under one policy, in one month (`YYYY-MM`)."""

    key: KeyAccess
    organisation: OrganisationPolicy | None
    month: str
    quotas: tuple[Quota, ...]
    rate_headers: RateHeaders


class TermsByKey:
    """Terms of the keys in use, at most `MOST_KEYS` of them. What has changed is made anew: keys and
    policies are never changed in place.
    """

    def __init__(self) -> None:
        self._by_key_id: dict[str, Terms] = {}

    def of(self, key: KeyAccess, organisation: OrganisationPolicy | None, month: str) -> Terms:
        """The terms that are in force."""
        terms = self._by_key_id.get(key.key_id)
        if terms is not None and terms[0] is key and terms[1] is organisation and terms[2] == month:
            return terms
        if len(self._by_key_id) >= MOST_KEYS:
            self._by_key_id.clear()
        quotas = quotas_of(key, organisation, month)
        terms = self._by_key_id[key.key_id] = Terms(key, organisation, month, quotas, RateHeaders(quotas))
        return terms
