"""Lists, shows, sets and deletes workload identities."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.changes import Changes, PendingChange
from pulumi_groq.gateway.admin.key_guard import end_pause_of, guard_of, guard_shown, pause_shown
from pulumi_groq.gateway.admin.key_rules import (
    require_priced,
    require_team,
    require_tools_priced,
    require_within_team,
)
from pulumi_groq.gateway.admin.ownership import given_up, kept, put
from pulumi_groq.gateway.admin.refusals import Conflict, Invalid, no_identity
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.identity.issuer_documents import IssuerAddresses
from pulumi_groq.gateway.protocols import Clock, Pauses
from pulumi_groq.gateway.store.identities import (
    IdentityRecord,
    all_identities,
    find_identity,
    identity_by_id,
    put_identity,
    remove_identity,
)
from pulumi_groq.gateway.store.runaways import Runaway
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.models.fields import micro_usd, usd
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.workload_identity import (
    WorkloadIdentity,
    WorkloadIdentityPage,
    WorkloadIdentitySettings,
    WorkloadIdentityWrite,
)

MOST_IDENTITIES: Final = 1_000
"""All of them are held against each token."""


class WorkloadIdentities:
    """The handlers of `/openai/v1/workload-identities`."""

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        directory: IdentityDirectory,
        catalogue: Catalogue,
        clock: Clock,
        ids: ObjectIds,
        addresses: IssuerAddresses,
        pauses: Pauses,
    ) -> None:
        self._store = store
        self._changes = changes
        self._directory = directory
        self._catalogue = catalogue
        self._clock = clock
        self._ids = ids
        self._addresses = addresses
        self._pauses = pauses

    def list(self) -> WorkloadIdentityPage:
        """All workload identities, by name."""
        with self._store.read() as connection:
            return WorkloadIdentityPage(data=[self._show(record) for record in all_identities(connection)])

    def show(self, name: str) -> WorkloadIdentity:
        """One workload identity."""
        with self._store.read() as connection:
            record = find_identity(connection, name)
        if record is None:
            raise no_identity(name)
        return self._show(record)

    def put(
        self, caller: Caller, name: str, settings: WorkloadIdentityWrite, *, take_over: bool
    ) -> WorkloadIdentity:
        """Create a workload identity or set it; credentials that it gave out follow it at once."""
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            former = find_identity(change.connection, name)
            record = _record(
                self._ids.new("wid") if former is None else former.id,
                name,
                settings,
                now,
            )
            record = replace(record, created_at=now if former is None else former.created_at)
            record = put(record, former, settings, take_over=take_over)
            if former is not None and replace(record, updated_at=former.updated_at) == former:
                return self._show(former)
            self._require_possible(change.connection, record, former)
            self._write(change, former, record, now)
        return self._show(record)

    def delete(self, caller: Caller, name: str, claim: str | None) -> Deleted:
        """Delete a workload identity, and with it its credentials; with a claim, once no other declaration
        holds it.
        """
        with self._changes.begin(caller) as change:
            record = find_identity(change.connection, name)
            if record is None:
                raise no_identity(name)
            left = given_up(record, claim)
            if left is not None:
                if left != record:
                    self._write(change, record, left, self._clock.now())
                return kept("workload_identity.deleted", name, left)
            remove_identity(change.connection, record.id)
            change.log(record, None, self._clock.now())
            change.then(partial(self._directory.drop, record.id))
        return Deleted(object="workload_identity.deleted", id=name)

    def _write(
        self, change: PendingChange, former: IdentityRecord | None, record: IdentityRecord, now: datetime
    ) -> None:
        put_identity(change.connection, record)
        change.log(former, record, now)
        change.then(partial(self._directory.put, record))

    def resume(self, caller: Caller, identity_id: str) -> WorkloadIdentity:
        """Let a workload identity go on that was paused for runaway spend; any other stays as it is."""
        now = self._clock.now()
        with self._changes.begin(caller) as change:
            record = identity_by_id(change.connection, identity_id)
            if record is None:
                raise no_identity(identity_id)
            caller.require("keys.resume", record.team)
            end_pause_of(self._pauses, change, record.id, now)
        return self._show(record)

    def _show(self, record: IdentityRecord) -> WorkloadIdentity:
        return _shown(record, self._pauses.pause_of(record.id))

    def _require_possible(
        self, connection: Connection, record: IdentityRecord, former: IdentityRecord | None
    ) -> None:
        refusal = self._addresses.refusal_of(record.issuer)
        if refusal is not None:
            raise Invalid(f"The issuer's address {refusal}", code="issuer_not_allowed", param="issuer")
        if former is None and len(all_identities(connection)) >= MOST_IDENTITIES:
            raise Conflict(
                f"There are {MOST_IDENTITIES} workload identities already: delete one first",
                code="too_many_workload_identities",
            )
        require_priced(self._catalogue, record.allowed_models)
        require_tools_priced(self._catalogue, record.allowed_tools)
        for team in record.role_teams:
            require_team(connection, team)
        require_within_team(record, former, require_team(connection, record.team))


def _record(identity_id: str, name: str, settings: WorkloadIdentitySettings, now: datetime) -> IdentityRecord:
    budget = settings.monthly_budget_usd
    return IdentityRecord(
        id=identity_id,
        name=name,
        issuer=settings.issuer,
        audience=settings.audience,
        claims=dict(settings.claims),
        claim_patterns=dict(settings.claim_patterns),
        credential_minutes=settings.credential_minutes,
        admin_role=settings.admin_role,
        role_teams=tuple(settings.role_teams),
        allowed_models=tuple(settings.allowed_models or ()),
        allowed_tools=tuple(settings.allowed_tools),
        team=settings.team,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        requests_per_day=settings.requests_per_day,
        tokens_per_day=settings.tokens_per_day,
        max_parallel_requests=settings.max_parallel_requests,
        monthly_budget_micro_usd=None if budget is None else micro_usd(budget),
        budgets=tuple(settings.budgets),
        model_limits=dict(settings.model_limits),
        runaway=guard_of(settings.runaway),
        share=settings.share,
        created_at=now,
        updated_at=now,
    )


def _shown(record: IdentityRecord, pause: Runaway | None) -> WorkloadIdentity:
    budget = record.monthly_budget_micro_usd
    return WorkloadIdentity(
        id=record.id,
        name=record.name,
        issuer=record.issuer,
        audience=record.audience,
        claims=dict(record.claims),
        claim_patterns=dict(record.claim_patterns),
        credential_minutes=record.credential_minutes,
        admin_role=record.admin_role,
        role_teams=list(record.role_teams),
        allowed_models=list(record.allowed_models) or None,
        allowed_tools=list(record.allowed_tools),
        team=record.team,
        requests_per_minute=record.requests_per_minute,
        tokens_per_minute=record.tokens_per_minute,
        requests_per_day=record.requests_per_day,
        tokens_per_day=record.tokens_per_day,
        max_parallel_requests=record.max_parallel_requests,
        monthly_budget_usd=None if budget is None else usd(budget),
        budgets=list(record.budgets),
        model_limits=dict(record.model_limits),
        runaway=None if record.runaway is None else guard_shown(record.runaway),
        share=record.share,
        paused=pause_shown(pause),
        created_at=record.created_at,
        updated_at=record.updated_at,
        managed_by=record.managed_by,
        declared_as=record.declared_as,
        claim=record.claim,
    )
