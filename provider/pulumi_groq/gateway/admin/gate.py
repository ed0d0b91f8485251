"""What every admin request passes before a route sees it: request id, admin key, query, body."""

from collections import Counter
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulumi_groq.gateway.admin.credentials import AdminKey
from pulumi_groq.gateway.admin.json_body import require_json
from pulumi_groq.gateway.admin.request_log import AdminLog
from pulumi_groq.gateway.http.client import client_of
from pulumi_groq.gateway.http.refusal import Refusal, bad_request, invalid_api_key
from pulumi_groq.gateway.http.request_body import ClientGoneError, read_body, require_uncompressed
from pulumi_groq.gateway.http.request_headers import read_request_headers
from pulumi_groq.gateway.ids import ObjectIds

OPENAPI_PATH: Final = "/openapi.json"
BODY_LIMIT_BYTES: Final = 64 * 1024
BODY_TIMEOUT_S: Final = 30.0
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Gate:
    """ASGI: guards `app`, which gets whole, checked bodies; puts `x-request-id` on every answer."""

    def __init__(self, app: ASGIApp, admin_key: AdminKey, ids: ObjectIds) -> None:
        self._app = app
        self._admin_key = admin_key
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
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            receive_checked = await self._pass(scope, receive)
        except Refusal as refusal:
            for message in refusal.messages():
                await send_with_id(message)
        except ClientGoneError:
            return
        else:
            await self._app(scope, receive_checked, send_with_id)
        finally:
            log.write()

    async def _pass(self, scope: Scope, receive: Receive) -> Receive:
        if scope["path"] == OPENAPI_PATH:
            return receive
        if not self._admin_key.opens(scope):
            raise invalid_api_key()
        _require_one_idempotency_key(scope)
        _require_plain_query(scope["query_string"])
        if scope["method"] not in _WITH_BODY:
            return receive
        headers = read_request_headers(scope)
        require_uncompressed(headers)
        hold = client_of(scope, receive).hold
        body = await read_body(receive, headers.content_length, BODY_LIMIT_BYTES, BODY_TIMEOUT_S, hold)
        require_json(scope, body)
        return _replay(body, receive)


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
