"""What is in force right now, in memory: key digest -> compiled access, and the organisation's policy."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from pulumi_groq.gateway.bounds import bounds_of_model, budgets_in_force, limits_in_force, without_month
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.policies import PolicyRecord
from pulumi_groq.gateway.store.teams import TeamRecord
from pulumi_groq.policy.access import UNBOUNDED, Bounds, KeyAccess, Limits, OrganisationPolicy


class _Lists(NamedTuple):
    """What a key or a team allows."""

    models: tuple[str, ...]
    tools: tuple[str, ...]


class LiveDirectory:
    """The compiled view of the store. Whoever commits a change applies it here next, one change at a time.

    `find` and `organisation` are single reads of a dict and of an attribute: safe beside a change.
    """

    def __init__(self, defaults: Limits) -> None:
        self._defaults = defaults
        self._by_hash: dict[bytes, KeyAccess] = {}
        # What a team change is compiled from again: the keys' own lists.
        self._own: dict[bytes, _Lists] = {}
        self._hashes_by_id: dict[str, bytes] = {}
        self._hashes_by_lineage: dict[str, dict[bytes, None]] = {}
        self._hashes_by_team: dict[str, set[bytes]] = {}
        self._of_teams: dict[str, _Lists] = {}
        self._upstream_keys: dict[str, str | None] = {}
        self._bounds_of_teams: dict[str, Bounds] = {}
        self.organisation: OrganisationPolicy | None = None
        """The spending policy, if one is set."""

    @property
    def key_ids(self) -> Collection[str]:
        """The ids of all keys and of the workload identities that are for the inference plane."""
        return list(self._hashes_by_id)

    @property
    def team_names(self) -> Collection[str]:
        """The names of all teams."""
        return list(self._of_teams)

    @property
    def bounds_of_teams(self) -> Mapping[str, Bounds]:
        """What the keys of each team share, by its name."""
        return self._bounds_of_teams.copy()

    def of_id(self, key_id: str) -> KeyAccess | None:
        """The key with this id."""
        key_hash = self._hashes_by_id.get(key_id)
        return None if key_hash is None else self._by_hash.get(key_hash)

    def keys_of(self, lineage_id: str) -> Sequence[KeyAccess]:
        """The keys of a lineage."""
        return [self._by_hash[key_hash] for key_hash in self._hashes_by_lineage.get(lineage_id, ())]

    def one_of(self, team: str) -> KeyAccess | None:
        """Any key of a team; `None` where it has none."""
        return next((self._by_hash[key_hash] for key_hash in self._hashes_by_team.get(team, ())), None)

    def find(self, key_hash: bytes) -> KeyAccess | None:
        """The key whose value has this SHA-256 digest."""
        return self._by_hash.get(key_hash)

    def load(
        self, teams: Iterable[TeamRecord], keys: Iterable[KeyRecord], policy: PolicyRecord | None
    ) -> None:
        """Fill an empty directory from the store."""
        for team in teams:
            self.put_team(team)
        for key in keys:
            self.put_key(key)
        self.put_policy(policy)

    def put_key(self, record: KeyRecord, identity_id: str | None = None) -> None:
        """A key, or what stands for a workload identity, was created or changed."""
        former = self._by_hash.get(record.key_hash)
        if former is not None and former.team is not None and former.team != record.team:
            self._hashes_by_team[former.team].discard(record.key_hash)
        if record.team is not None:
            self._hashes_by_team.setdefault(record.team, set()).add(record.key_hash)
        self._hashes_by_id[record.id] = record.key_hash
        self._hashes_by_lineage.setdefault(record.lineage_id, {})[record.key_hash] = None
        own = _shared(_Lists(record.allowed_models, record.allowed_tools))
        self._own[record.key_hash] = own
        models, tools = self._in_force(own, record.team)
        month, shorter = without_month(budgets_in_force(record.monthly_budget_micro_usd, record.budgets))
        self._by_hash[record.key_hash] = KeyAccess(
            key_id=record.id,
            name=record.name,
            lineage_id=record.lineage_id,
            team=record.team,
            models=models,
            tools=tools,
            limits=_shared_limits(limits_in_force(record, self._defaults)),
            monthly_budget_micro_usd=month,
            budgets=shorter,
            team_bounds=UNBOUNDED if record.team is None else self._bounds_of_teams[record.team],
            model_bounds={name: bounds_of_model(each) for name, each in record.model_limits.items()},
            expires_at=record.expires_at,
            disabled=record.disabled,
            runaway=record.runaway,
            share=record.share or 1,
            identity_id=identity_id,
            upstream_key=self._upstream_keys.get(record.team or ""),
        )

    def drop_key(self, key_hash: bytes) -> None:
        """A key was deleted."""
        gone = self._by_hash.pop(key_hash)
        del self._own[key_hash]
        self._hashes_by_id.pop(gone.key_id, None)
        self._drop_from_lineage(gone.lineage_id, key_hash)
        if gone.team is not None:
            self._hashes_by_team[gone.team].discard(key_hash)

    def drop_key_of(self, key_id: str) -> None:
        """The key with this id was deleted, if it was here."""
        key_hash = self._hashes_by_id.get(key_id)
        if key_hash is not None:
            self.drop_key(key_hash)

    def drop_key_if(self, key_hash: bytes, check: Callable[[], None]) -> None:
        """Drop a key unless `check` raises. On the event loop nothing is admitted between the two."""
        check()
        self.drop_key(key_hash)

    def put_team(self, record: TeamRecord) -> None:
        """A team was created or changed: so are its keys, and what they share."""
        self._upstream_keys[record.name] = record.upstream_key
        self._of_teams[record.name] = _shared(_Lists(record.allowed_models, record.allowed_tools))
        budgets = budgets_in_force(record.monthly_budget_micro_usd, record.budgets)
        bounds = self._bounds_of_teams[record.name] = Bounds(limits_in_force(record), budgets)
        for key_hash in self._hashes_by_team.get(record.name, ()):
            models, tools = self._in_force(self._own[key_hash], record.name)
            self._by_hash[key_hash] = replace(
                self._by_hash[key_hash],
                models=models,
                tools=tools,
                upstream_key=record.upstream_key,
                team_bounds=bounds,
            )

    def drop_team(self, name: str) -> None:
        """A team without keys was deleted, if it was here."""
        self._of_teams.pop(name, None)
        self._bounds_of_teams.pop(name, None)
        self._upstream_keys.pop(name, None)
        self._hashes_by_team.pop(name, None)

    def put_policy(self, record: PolicyRecord | None) -> None:
        """The spending policy was set or, with None, removed."""
        if record is None:
            self.organisation = None
            return
        self.organisation = OrganisationPolicy(
            cap_micro_usd=record.monthly_cap_micro_usd,
            alert_thresholds_micro_usd=record.alert_thresholds_micro_usd,
            auto_pause=record.auto_pause,
            alert_webhook_urls=record.alert_webhook_urls,
            alert_webhook_signing_secret=record.alert_webhook_signing_secret,
            budgets=budgets_in_force(None, record.budgets),
        )

    def _drop_from_lineage(self, lineage_id: str, key_hash: bytes) -> None:
        of_lineage = self._hashes_by_lineage[lineage_id]
        del of_lineage[key_hash]
        if not of_lineage:
            del self._hashes_by_lineage[lineage_id]

    def _in_force(self, own: _Lists, team: str | None) -> tuple[frozenset[str], frozenset[str]]:
        if team is None:
            return _both_allow(own.models, None), _both_allow(own.tools, None)
        bounds = self._of_teams[team]
        return _both_allow(own.models, bounds.models), _both_allow(own.tools, bounds.tools)


# 100,000 keys share few distinct lists and limits: equal ones are kept once.
@lru_cache(maxsize=4096)
def _shared(lists: _Lists) -> _Lists:
    return lists


@lru_cache(maxsize=4096)
def _shared_limits(limits: Limits) -> Limits:
    return limits


@lru_cache(maxsize=4096)
def _both_allow(own: tuple[str, ...], team: tuple[str, ...] | None) -> frozenset[str]:
    return frozenset(own) if team is None else frozenset(own).intersection(team)
