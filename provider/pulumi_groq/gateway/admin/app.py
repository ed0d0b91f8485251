"""Puts the admin plane together."""

from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version

from anyio.from_thread import run_sync
from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.changes import Changes
from pulumi_groq.gateway.admin.gate import OPENAPI_PATH, AdminKey, Gate
from pulumi_groq.gateway.admin.history import History
from pulumi_groq.gateway.admin.key_views import KeyViews
from pulumi_groq.gateway.admin.keys import Keys
from pulumi_groq.gateway.admin.minting import Minting
from pulumi_groq.gateway.admin.openapi import document
from pulumi_groq.gateway.admin.refusals import add_exception_handlers
from pulumi_groq.gateway.admin.reporting import Reporting
from pulumi_groq.gateway.admin.routes.history import history_routes
from pulumi_groq.gateway.admin.routes.keys import key_routes
from pulumi_groq.gateway.admin.routes.queries import refuse_unknown_parameters
from pulumi_groq.gateway.admin.routes.reporting import reporting_routes
from pulumi_groq.gateway.admin.routes.spending import spending_routes
from pulumi_groq.gateway.admin.routes.teams import team_routes
from pulumi_groq.gateway.admin.seal import Seal
from pulumi_groq.gateway.admin.spending import Spending
from pulumi_groq.gateway.admin.teams import Teams
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.key_values import KeyValues
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses
from pulumi_groq.gateway.protocols import Clock, UsageSource
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.policy.access import Limits


@dataclass(frozen=True, slots=True)
class AdminParts:
    """What the admin plane is built over."""

    store: Store
    directory: LiveDirectory
    catalogue: Catalogue
    usage: UsageSource
    clock: Clock
    ids: ObjectIds
    values: KeyValues
    admin_key: AdminKey
    seal: Seal
    defaults: Limits
    webhook_addresses: WebhookAddresses


def admin_app(parts: AdminParts) -> ASGIApp:
    """The admin plane as ASGI, for the paths in `app.ADMIN_PATHS`."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI_PATH,
        redirect_slashes=False,
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    _add_key_routes(app, parts, Changes(parts.store))
    app.include_router(
        reporting_routes(
            Reporting(store=parts.store, catalogue=parts.catalogue, usage=parts.usage, clock=parts.clock)
        )
    )
    app.include_router(history_routes(History(store=parts.store, clock=parts.clock)))
    add_exception_handlers(app)
    app.openapi = cache(partial(document, app, version("pulumi-groq")))  # type: ignore[method-assign]  # FastAPI's documented way
    return Gate(app, parts.admin_key, parts.ids)


def _add_key_routes(app: FastAPI, parts: AdminParts, changes: Changes) -> None:
    views = KeyViews(parts.usage, parts.defaults)
    keys = Keys(
        store=parts.store,
        changes=changes,
        directory=parts.directory,
        catalogue=parts.catalogue,
        views=views,
        usage=parts.usage,
        clock=parts.clock,
        run_on_loop=run_sync,
    )
    minting = Minting(
        changes=changes,
        directory=parts.directory,
        catalogue=parts.catalogue,
        views=views,
        clock=parts.clock,
        ids=parts.ids,
        values=parts.values,
        seal=parts.seal,
    )
    teams = Teams(
        store=parts.store,
        changes=changes,
        directory=parts.directory,
        catalogue=parts.catalogue,
        clock=parts.clock,
    )
    spending = Spending(
        store=parts.store,
        changes=changes,
        directory=parts.directory,
        usage=parts.usage,
        clock=parts.clock,
        webhook_addresses=parts.webhook_addresses,
    )
    app.include_router(key_routes(keys, minting))
    app.include_router(team_routes(teams))
    app.include_router(spending_routes(spending))
