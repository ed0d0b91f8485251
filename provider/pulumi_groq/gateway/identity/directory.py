"""The workload identities in force right now, in memory."""

from collections.abc import Iterable, Mapping, Sequence

from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.policy.access import KeyAccess


class IdentityDirectory:
    """The compiled view of the store's workload identities. Whoever commits a change applies it here next.

    What one may do on the inference plane is compiled with the keys, by `keys`, so that a change of its team
    reaches it, too.
    """

    def __init__(self, keys: LiveDirectory) -> None:
        self._keys = keys
        self._by_id: dict[str, IdentityRecord] = {}
        self._trusted: Mapping[str, frozenset[str]] = {}

    def load(self, records: Iterable[IdentityRecord]) -> None:
        """Hold what the store has, and nothing else, behind its teams: at the start, and whenever another
        gateway on the same store has changed it.
        """
        found = {record.id: record for record in records}
        for gone in self._by_id.keys() - found.keys():
            self.drop(gone)
        for record in found.values():
            self.put(record)

    def put(self, record: IdentityRecord) -> None:
        """A workload identity was created or changed."""
        former = self._by_id.get(record.id)
        if former is not None and former.allowed_models and not record.allowed_models:
            self._keys.drop_key(_place_of(record.id))
        if record.allowed_models:
            self._keys.put_key(_as_key(record), identity_id=record.id)
        self._by_id = {**self._by_id, record.id: record}
        self._trust_anew()

    def drop(self, identity_id: str) -> None:
        """A workload identity was deleted, if it was here: its credentials are dead."""
        gone = self._by_id.get(identity_id)
        if gone is None:
            return
        self._by_id = {each: record for each, record in self._by_id.items() if each != identity_id}
        if gone.allowed_models:
            self._keys.drop_key(_place_of(identity_id))
        self._trust_anew()

    def by_id(self, identity_id: str) -> IdentityRecord | None:
        """The workload identity with this id."""
        return self._by_id.get(identity_id)

    def all(self) -> Sequence[IdentityRecord]:
        """Every workload identity."""
        return list(self._by_id.values())

    @property
    def trusted(self) -> Mapping[str, frozenset[str]]:
        """The audiences that are trusted, by issuer."""
        return self._trusted

    def inference_access(self, identity_id: str) -> KeyAccess | None:
        """What the identity as a whole may do on the inference plane, if anything."""
        return self._keys.find(_place_of(identity_id))

    def _trust_anew(self) -> None:
        by_issuer: dict[str, set[str]] = {}
        for record in self._by_id.values():
            by_issuer.setdefault(record.issuer, set()).add(record.audience)
        self._trusted = {issuer: frozenset(audiences) for issuer, audiences in by_issuer.items()}


def _place_of(identity_id: str) -> bytes:
    """Where it stands among the keys: longer than a digest, so that no value of a key ever leads there."""
    return b"workload identity " + identity_id.encode()


def _as_key(record: IdentityRecord) -> KeyRecord:
    return KeyRecord(
        id=record.id,
        key_hash=_place_of(record.id),
        last_four="",
        name=record.name,
        managed_by=record.managed_by,
        declared_as=record.declared_as,
        team=record.team,
        replaces=None,
        lineage_id=record.id,
        generation=1,
        allowed_models=record.allowed_models,
        allowed_tools=record.allowed_tools,
        requests_per_minute=record.requests_per_minute,
        tokens_per_minute=record.tokens_per_minute,
        requests_per_day=record.requests_per_day,
        tokens_per_day=record.tokens_per_day,
        max_parallel_requests=record.max_parallel_requests,
        monthly_budget_micro_usd=record.monthly_budget_micro_usd,
        budgets=record.budgets,
        model_limits=record.model_limits,
        runaway=record.runaway,
        share=record.share,
        expires_at=None,
        metadata={},
        disabled=False,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
