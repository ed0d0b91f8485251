"""`/ui` as ASGI: the page for whoever is signed in, the sign-in form for everybody else."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.credentials import AdminCredentials
from pulumi_groq.gateway.http.asgi import client_of, read_request_headers
from pulumi_groq.gateway.http.bodies import ClientGoneError, read_body
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.sign_in_attempts import SignInAttempts
from pulumi_groq.gateway.store.ended_sessions import EndedSession, end_session
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.gateway.ui.sessions import LIFETIME_S, Sessions
from pulumi_groq.policy.roles import AdminIdentity
from pulumi_groq.reports.page import LIVE_CONTENT_POLICY, PageSource, page, page_facts, sign_in_page

UI_PATH: Final = "/ui"
SIGN_IN_PATH: Final = "/ui/sign-in"
SIGN_OUT_PATH: Final = "/ui/sign-out"

_LEADING_THERE: Final = ("/", "/ui/")  # what people type
_ALLOWED: Final = {
    **dict.fromkeys((UI_PATH, *_LEADING_THERE), "GET, HEAD"),
    SIGN_IN_PATH: "GET, HEAD, POST",
    SIGN_OUT_PATH: "POST",
}
UI_PATHS: Final = tuple(_ALLOWED)
"""All that `Ui` answers at."""

_COOKIE: Final = "pulumi_groq_ui"
_FORM_LIMIT_BYTES: Final = 4_096
_FORM_TIMEOUT_S: Final = 30.0
_HEADERS: Final = {
    "content-security-policy": LIVE_CONTENT_POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_log = logging.getLogger(__name__)


class Ui:
    """Answers at `UI_PATHS`; changes nothing but who is signed in."""

    def __init__(
        self,
        *,
        source: Callable[[Caller], PageSource],
        credentials: AdminCredentials,
        sessions: Sessions,
        attempts: SignInAttempts,
        store: Store,
        clock: Clock,
    ) -> None:
        self._source = source
        self._credentials = credentials
        self._sessions = sessions
        self._attempts = attempts
        self._store = store
        self._clock = clock
        # A page takes longer to make than a decision: one at a time leaves the rest to the requests.
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            response = await self._answer(Request(scope, receive))
        except Refusal as refusal:
            for message in refusal.messages():
                await send(message)
            return
        except ClientGoneError:
            return
        response.headers.update(_HEADERS)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        # Of an answer to HEAD, the connection sends the head alone.
        method = "GET" if request.method == "HEAD" else request.method
        match method, request.url.path:
            case "GET", "/ui":
                return await self._page(request)
            case "GET", path if path in _LEADING_THERE:
                return RedirectResponse(UI_PATH, 303)
            case "GET", "/ui/sign-in":
                return RedirectResponse(UI_PATH, 303) if self._signed_in(request) else _form()
            case "POST", "/ui/sign-in":
                return await self._sign_in(request)
            case "POST", "/ui/sign-out":
                return await self._sign_out(request)
        allowed = _ALLOWED[request.url.path]
        return PlainTextResponse(f"This page takes {allowed} alone.\n", 405, {"allow": allowed})

    async def _page(self, request: Request) -> Response:
        identity = self._signed_in(request)
        if identity is None:
            return RedirectResponse(SIGN_IN_PATH, 303)
        caller = Caller(identity, request_id="", address=_address(request))
        try:
            async with self._one_at_a_time:
                return HTMLResponse(await run_in_threadpool(self._rendered, caller))
        except StoreUnavailableError as error:
            _log.error("the store does not answer: %s", error)
            return PlainTextResponse("The gateway's store does not answer: try again.\n", 503)

    def _rendered(self, caller: Caller) -> str:
        source = self._source(caller)
        return page(page_facts(source), live=True, sign_out_path=SIGN_OUT_PATH)

    async def _sign_in(self, request: Request) -> Response:
        if not _comes_from_here(request):
            return PlainTextResponse("Sign in on the gateway's own page.\n", 403)
        address = _address(request)
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            _log.warning("ui sign-in refused: too many wrong keys, from %s", address)
            answer = _form("Too many wrong keys: wait a few minutes, then try again.", 429)
            answer.headers["retry-after"] = str(wait_s)
            return answer
        announced = read_request_headers(request.scope).content_length
        client = client_of(request.scope, request.receive)
        body = await read_body(request.receive, client, announced, _FORM_LIMIT_BYTES, _FORM_TIMEOUT_S)
        identity = self._credentials.identify(_posted_key(body))
        if identity is None:
            self._attempts.failed(address)
            _log.warning("ui sign-in refused: wrong key, from %s", address)
            return _form("That is no admin key, or no longer one.", 401)
        _log.info("ui sign-in of %s, %s, from %s", identity.actor_id, identity.role, address)
        response = RedirectResponse(UI_PATH, 303)
        _set_cookie(response, request, self._sessions.begin(identity), LIFETIME_S)
        return response

    async def _sign_out(self, request: Request) -> Response:
        if not _comes_from_here(request):
            return PlainTextResponse("Sign out on the gateway's own page.\n", 403)
        ended = self._sessions.end(_token(request))
        if ended is not None:
            try:
                await run_in_threadpool(self._remember, ended)
            except StoreUnavailableError as error:
                _log.error("a sign-out could not be written down: %s", error)
                return PlainTextResponse(
                    "You are signed out at this gateway, until it starts again: its store does not answer.\n",
                    503,
                )
        response = RedirectResponse(SIGN_IN_PATH, 303)
        _set_cookie(response, request, "", 0)
        return response

    def _remember(self, ended: EndedSession) -> None:
        with self._store.write() as connection:
            end_session(connection, ended, int(self._clock.now().timestamp()))

    def _signed_in(self, request: Request) -> AdminIdentity | None:
        visitor = self._sessions.visitor(_token(request))
        return None if visitor is None else self._credentials.recall(visitor.actor_id, visitor.subject)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _form(problem: str | None = None, status: int = 200) -> Response:
    return HTMLResponse(sign_in_page(SIGN_IN_PATH, problem), status)


def _comes_from_here(request: Request) -> bool:
    """Whether no other site made the browser send this. Programs other than browsers send neither header."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _posted_key(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=4)
    except ValueError:
        return b""
    return fields.get("admin_key", [""])[0].strip().encode()


def _token(request: Request) -> str:
    """The session's token. Other programs of this host set cookies as they like, and none of them hides it:
    `SimpleCookie` drops every cookie beside a single one that it cannot read.
    """
    cookies = (each.partition("=") for sent in request.headers.getlist("cookie") for each in sent.split(";"))
    return next((value.strip() for name, _, value in cookies if name.strip() == _COOKIE), "")


def _set_cookie(response: Response, request: Request, token: str, lifetime_s: int) -> None:
    response.set_cookie(
        _COOKIE,
        token,
        max_age=lifetime_s,
        path=UI_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
