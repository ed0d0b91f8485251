"""What answers the admin plane's routes and the page: made once, for both."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from anyio.from_thread import run, run_sync

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory
from pulumi_groq.gateway.admin.admin_keys import AdminKeys
from pulumi_groq.gateway.admin.changes import Changes
from pulumi_groq.gateway.admin.history import History
from pulumi_groq.gateway.admin.identities import WorkloadIdentities
from pulumi_groq.gateway.admin.key_views import KeyViews
from pulumi_groq.gateway.admin.keys import Keys
from pulumi_groq.gateway.admin.minting import Minting
from pulumi_groq.gateway.admin.quiet_period import QuietPeriods, Reports
from pulumi_groq.gateway.admin.reporting import Reporting
from pulumi_groq.gateway.admin.seal import Seal
from pulumi_groq.gateway.admin.spending import Spending
from pulumi_groq.gateway.admin.teams import Teams
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.identity.issuer_documents import IssuerAddresses
from pulumi_groq.gateway.key_values import KeyValues
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses
from pulumi_groq.gateway.protocols import Clock, ConsumerSource, Pauses, UsageSource
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.policy.access import Limits


@dataclass(frozen=True, slots=True)
class Handlers:
    """One for each subject. Not for an event loop: they wait for the store."""

    keys: Keys
    admin_keys: AdminKeys
    minting: Minting
    teams: Teams
    spending: Spending
    reporting: Reporting
    history: History
    identities: WorkloadIdentities


def admin_handlers(
    *,
    store: Store,
    changes: Changes,
    directory: LiveDirectory,
    admin_key_directory: AdminKeyDirectory,
    catalogue: Catalogue,
    usage: UsageSource,
    consumers: ConsumerSource,
    pauses: Pauses,
    clock: Clock,
    ids: ObjectIds,
    values: KeyValues,
    seal: Seal,
    defaults: Limits,
    webhook_addresses: WebhookAddresses,
    identities: IdentityDirectory,
    issuer_addresses: IssuerAddresses,
    upstream_keys: Sequence[str],
    ask_for_reports: Callable[[], Coroutine[Any, Any, Collection[str]]],
) -> Handlers:
    """The handlers over one store, whose changes reach `directory`; `ask_for_reports` has the other gateways
    on it report which keys are in use, and gives those that have.
    """
    reports = Reports(store, partial(run, ask_for_reports))
    views = KeyViews(usage, pauses, defaults)
    return Handlers(
        admin_keys=AdminKeys(
            store=store,
            changes=changes,
            directory=admin_key_directory,
            clock=clock,
            ids=ids,
            values=values,
            seal=seal,
            run_on_loop=run_sync,
            reports=reports,
        ),
        keys=Keys(
            store=store,
            changes=changes,
            directory=directory,
            catalogue=catalogue,
            views=views,
            consumers=consumers,
            pauses=pauses,
            quiet=QuietPeriods(store, usage, clock, reports),
            clock=clock,
            run_on_loop=run_sync,
        ),
        minting=Minting(
            changes=changes,
            directory=directory,
            catalogue=catalogue,
            views=views,
            clock=clock,
            ids=ids,
            values=values,
            seal=seal,
        ),
        teams=Teams(
            store=store,
            changes=changes,
            directory=directory,
            catalogue=catalogue,
            clock=clock,
            upstream_keys=upstream_keys,
        ),
        spending=Spending(
            store=store,
            changes=changes,
            directory=directory,
            usage=usage,
            clock=clock,
            webhook_addresses=webhook_addresses,
        ),
        reporting=Reporting(
            store=store,
            directory=directory,
            catalogue=catalogue,
            usage=usage,
            pauses=pauses,
            clock=clock,
        ),
        history=History(store=store, clock=clock),
        identities=WorkloadIdentities(
            store=store,
            changes=changes,
            directory=identities,
            catalogue=catalogue,
            clock=clock,
            ids=ids,
            addresses=issuer_addresses,
            pauses=pauses,
        ),
    )
