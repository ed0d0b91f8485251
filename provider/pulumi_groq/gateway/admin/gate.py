"""What every admin request passes before a route sees it: id, log line, caller, query, body."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulumi_groq.gateway.admin.credentials import AdminCredentials
from pulumi_groq.gateway.admin.json_body import require_json
from pulumi_groq.gateway.admin.refused_attempts import RefusedAttempts
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.http.asgi import REQUEST_ID, client_of, read_request_headers
from pulumi_groq.gateway.http.bodies import ClientGoneError, read_body, require_uncompressed
from pulumi_groq.gateway.http.refusal import Refusal, bad_request, invalid_api_key
from pulumi_groq.policy.roles import AdminIdentity

CALLER: Final = "pulumi_groq.admin_caller"
"""Where a request's scope has the `AdminIdentity` that the gate found."""


# Read by `gateway.logs.LineFormatter`.
_FIELDS: Final = "fields"


class AdminLog:
    """Times one request from its construction and writes its line; never a query, a header or a body.

    An id or name from the path is written only if it was found: one that was not may be a key's value
    sent to the wrong place.
    """

    def __init__(
        self, request_id: str, scope: Scope, monotonic: Callable[[], float] = time.perf_counter
    ) -> None:
        self._request_id = request_id
        self._scope = scope
        self._monotonic = monotonic
        self._started_s = monotonic()
        self.status: int | None = None

    def write(self) -> None:
        """At INFO, at WARNING where the gateway failed; without a status when the client was gone."""
        caller: AdminIdentity | None = self._scope.get(CALLER)
        fields = {
            "request_id": self._request_id,
            "method": self._scope["method"][:16],
            "route": getattr(self._scope.get("route"), "path", "-"),
            "object": self._found() or "-",
            "actor": caller.actor_id if caller else "-",
            "role": caller.role if caller else "-",
            "status": self.status or "-",
            "ms": round((self._monotonic() - self._started_s) * 1000, 1),
        }
        level = logging.WARNING if (self.status or 0) >= 500 else logging.INFO
        logging.getLogger(__name__).log(level, "admin request", extra={_FIELDS: fields})

    def _found(self) -> str:
        found = self.status is not None and self.status < 400
        return " ".join(self._scope.get("path_params", {}).values()) if found else ""


OPENAPI_PATH: Final = "/openapi.json"
BODY_LIMIT_BYTES: Final = 64 * 1024
BODY_TIMEOUT_S: Final = 30.0
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Gate:
    """ASGI: guards `app`, which gets known callers and whole, checked bodies; puts `x-request-id` on every
    answer.

    `refused` is told the reason of each refusal of a caller.
    """

    def __init__(
        self,
        app: ASGIApp,
        credentials: AdminCredentials,
        ids: ObjectIds,
        attempts: RefusedAttempts,
        refused: Callable[[str], None],
    ) -> None:
        self._attempts = attempts
        self._refused = refused
        self._app = app
        self._credentials = credentials
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        request_id = self._ids.new("req")
        log = AdminLog(request_id, scope)
        # Answers hold keys' values and secret URLs: nothing on the way may keep them.
        added = [(b"x-request-id", request_id.encode()), (b"cache-control", b"no-store")]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                log.status = message["status"]
                self._count(scope, message["status"])
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            receive_checked = await self._pass(scope, receive, request_id)
        except Refusal as refusal:
            for message in refusal.messages():
                await send_with_id(message)
        except ClientGoneError:
            return
        else:
            await self._app(scope, receive_checked, send_with_id)
        finally:
            log.write()

    def _count(self, scope: Scope, status: int) -> None:
        caller: AdminIdentity | None = scope.get(CALLER)
        reason = {401: "invalid_api_key", 403: "insufficient_role", 429: "too_many_refusals"}.get(status)
        if reason is None:
            return
        self._refused(reason)
        if status != 429:
            self._attempts.note(caller.actor_id if caller else _address(scope))

    async def _pass(self, scope: Scope, receive: Receive, request_id: str) -> Receive:
        if scope["path"] == OPENAPI_PATH:
            return receive
        caller = self._credentials.caller(scope)
        if caller is None:
            self._attempts.require_few(_address(scope))
            raise invalid_api_key()
        self._attempts.require_few(caller.actor_id)
        scope[CALLER] = caller
        scope[REQUEST_ID] = request_id
        _require_one_idempotency_key(scope)
        _require_plain_query(scope["query_string"])
        if scope["method"] not in _WITH_BODY:
            return receive
        headers = read_request_headers(scope)
        require_uncompressed(headers)
        client = client_of(scope, receive)
        body = await read_body(receive, client, headers.content_length, BODY_LIMIT_BYTES, BODY_TIMEOUT_S)
        require_json(scope, body)
        return _replay(body, receive)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return f"address {client[0]}" if client else "address"


def _require_one_idempotency_key(scope: Scope) -> None:
    if sum(name == b"idempotency-key" for name, _ in scope["headers"]) > 1:
        raise bad_request("Idempotency-Key is given more than once", param="Idempotency-Key")


def _require_plain_query(query: bytes) -> None:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise bad_request(
            "The query string must be percent-encoded UTF-8 of at most 100 parameters"
        ) from None
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise bad_request("A query parameter is given more than once", param=name)


def _replay(body: bytes, receive: Receive) -> Receive:
    """`receive` as it was before the body was read."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed
