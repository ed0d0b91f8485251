"""The admin plane as one ASGI application over its handlers."""

from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from pulumi_groq.gateway.admin.authorization import require_needs, require_role
from pulumi_groq.gateway.admin.credentials import AdminCredentials
from pulumi_groq.gateway.admin.gate import OPENAPI_PATH, Gate
from pulumi_groq.gateway.admin.handlers import Handlers
from pulumi_groq.gateway.admin.openapi import document
from pulumi_groq.gateway.admin.refusals import add_exception_handlers
from pulumi_groq.gateway.admin.refused_attempts import RefusedAttempts
from pulumi_groq.gateway.admin.routes.admin_keys import admin_key_routes
from pulumi_groq.gateway.admin.routes.history import history_routes
from pulumi_groq.gateway.admin.routes.identities import identity_routes
from pulumi_groq.gateway.admin.routes.keys import key_routes
from pulumi_groq.gateway.admin.routes.queries import refuse_unknown_parameters
from pulumi_groq.gateway.admin.routes.reporting import reporting_routes
from pulumi_groq.gateway.admin.routes.spending import spending_routes
from pulumi_groq.gateway.admin.routes.teams import team_routes
from pulumi_groq.gateway.clock import ObjectIds


def admin_app(
    handlers: Handlers,
    credentials: AdminCredentials,
    ids: ObjectIds,
    attempts: RefusedAttempts,
    refused: Callable[[str], None],
) -> ASGIApp:
    """The admin plane, for the paths in `app.ADMIN_PATHS`."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI_PATH,
        redirect_slashes=False,
        dependencies=[Depends(require_role), Depends(refuse_unknown_parameters)],
    )
    app.include_router(key_routes(handlers.keys, handlers.minting, handlers.identities))
    app.include_router(admin_key_routes(handlers.admin_keys))
    app.include_router(team_routes(handlers.teams))
    app.include_router(spending_routes(handlers.spending))
    app.include_router(reporting_routes(handlers.reporting))
    app.include_router(history_routes(handlers.history))
    app.include_router(identity_routes(handlers.identities))
    require_needs(app)
    add_exception_handlers(app)
    app.openapi = cache(partial(document, app, version("pulumi-groq")))  # type: ignore[method-assign]  # FastAPI's documented way
    return Gate(app, credentials, ids, attempts, refused)
