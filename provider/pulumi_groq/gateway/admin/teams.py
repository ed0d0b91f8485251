"""Lists, shows, sets and deletes teams."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.changes import Changes, PendingChange
from pulumi_groq.gateway.admin.key_rules import require_priced, require_tools_priced, require_upstream_key
from pulumi_groq.gateway.admin.ownership import given_up, kept, put
from pulumi_groq.gateway.admin.refusals import Conflict, no_team, shown
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.identities import identities_of_team
from pulumi_groq.gateway.store.keys import keys_of_team
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.gateway.store.teams import TeamRecord, all_teams, find_team, put_team, remove_team
from pulumi_groq.models.fields import micro_usd, usd
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.team import Team, TeamPage, TeamWrite


class Teams:
    """The handlers of `/openai/v1/teams`; `upstream_keys` are the names that a team may give."""

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        directory: LiveDirectory,
        catalogue: Catalogue,
        clock: Clock,
        upstream_keys: Sequence[str],
    ) -> None:
        self._store = store
        self._changes = changes
        self._directory = directory
        self._catalogue = catalogue
        self._clock = clock
        self._upstream_keys = upstream_keys

    def list(self, caller: Caller) -> TeamPage:
        """All teams that the caller may see, by name."""
        with self._store.read() as connection:
            records = all_teams(connection)
        return TeamPage(data=[_shown(each) for each in records if caller.identity.covers(each.name)])

    def show(self, caller: Caller, name: str) -> Team:
        """One team."""
        caller.require("teams.read", name)
        with self._store.read() as connection:
            record = find_team(connection, name)
        if record is None:
            raise no_team(name)
        return _shown(record)

    def put(self, caller: Caller, name: str, settings: TeamWrite, *, take_over: bool) -> Team:
        """Create a team or set what bounds its keys, which are held to it from the next request on.

        Limits below those that one of its keys declares are taken: both hold, so the team's do.
        """
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            former = find_team(change.connection, name)
            created_at = now if former is None else former.created_at
            written = _record(name, settings, created_at, now)
            record = put(written, former, settings, take_over=take_over)
            if former is not None and replace(record, updated_at=former.updated_at) == former:
                return _shown(former)
            require_priced(self._catalogue, record.allowed_models)
            require_tools_priced(self._catalogue, record.allowed_tools)
            require_upstream_key(self._upstream_keys, settings.upstream_key)
            self._write(change, former, record, now)
        return _shown(record)

    def delete(self, caller: Caller, name: str, claim: str | None) -> Deleted:
        """Delete a team that has no keys; with a claim, once no other declaration holds it."""
        with self._changes.begin(caller) as change:
            record = find_team(change.connection, name)
            if record is None:
                raise no_team(name)
            left = given_up(record, claim)
            if left is not None:
                if left != record:
                    self._write(change, record, left, self._clock.now())
                return kept("team.deleted", name, left)
            members = keys_of_team(change.connection, name, limit=1)
            if members:
                raise Conflict(
                    f"Team {shown(name)} still has keys, {members[0]} among them: delete them or move them "
                    "to another team first",
                    code="team_in_use",
                    key_id=members[0],
                )
            identities = identities_of_team(change.connection, name)
            if identities:
                raise Conflict(
                    f"Team {shown(name)} still has workload identities, {shown(identities[0])} among them: "
                    "delete them or move them to another team first",
                    code="team_in_use",
                )
            remove_team(change.connection, name)
            change.log(record, None, self._clock.now())
            change.then(partial(self._directory.drop_team, name))
        return Deleted(object="team.deleted", id=name)

    def _write(
        self, change: PendingChange, former: TeamRecord | None, record: TeamRecord, now: datetime
    ) -> None:
        put_team(change.connection, record)
        change.log(former, record, now)
        change.then(partial(self._directory.put_team, record))


def _record(name: str, settings: TeamWrite, created_at: datetime, now: datetime) -> TeamRecord:
    budget = settings.monthly_budget_usd
    return TeamRecord(
        name=name,
        allowed_models=tuple(settings.allowed_models),
        allowed_tools=tuple(settings.allowed_tools),
        created_at=created_at,
        updated_at=now,
        upstream_key=settings.upstream_key,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        requests_per_day=settings.requests_per_day,
        tokens_per_day=settings.tokens_per_day,
        max_parallel_requests=settings.max_parallel_requests,
        monthly_budget_micro_usd=None if budget is None else micro_usd(budget),
        budgets=tuple(settings.budgets),
    )


def _shown(record: TeamRecord) -> Team:
    budget = record.monthly_budget_micro_usd
    return Team(
        name=record.name,
        allowed_models=list(record.allowed_models),
        allowed_tools=list(record.allowed_tools),
        upstream_key=record.upstream_key,
        requests_per_minute=record.requests_per_minute,
        tokens_per_minute=record.tokens_per_minute,
        requests_per_day=record.requests_per_day,
        tokens_per_day=record.tokens_per_day,
        max_parallel_requests=record.max_parallel_requests,
        monthly_budget_usd=None if budget is None else usd(budget),
        budgets=list(record.budgets),
        created_at=record.created_at,
        updated_at=record.updated_at,
        managed_by=record.managed_by,
        declared_as=record.declared_as,
        claim=record.claim,
    )
