"""Calls from pages in a browser, for the origins that the operator lists."""

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from pulumi_groq.gateway.inference.forwarder import PASSED

_MAX_AGE_S: Final = 600
_SHOWN: Final = (
    "x-request-id",
    "x-upstream-request-id",
    *(name.decode() for name in sorted(PASSED)),
    *(
        f"x-ratelimit-{kind}-{of}"
        for kind in ("limit", "remaining", "reset")
        for of in ("requests", "tokens")
    ),
)
"""What a page may read of an answer's headers."""


def allowing_origins(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """`app`, whose preflights are answered for pages of `origins`; `app` itself if there are none."""
    if not origins:
        return app
    # Any header may be asked for: the official clients send a dozen of their own.
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=("*",),
        expose_headers=_SHOWN,
        max_age=_MAX_AGE_S,
    )
