"""`POST /openai/v1/auth/rotate`: the adapter that Pulumi ESC's external rotator calls.

Its contract is documented at https://www.pulumi.com/docs/esc/integrations/dynamic-secrets/external/: a token
signed by Pulumi Cloud, whose audience is this URL and whose `body_hash` binds it to one body.
"""

import base64
import hashlib
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Final

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.external_rotation import ExternalRotation
from pulumi_groq.gateway.admin.json_body import require_json
from pulumi_groq.gateway.admin.refusals import refused_fields, store_down
from pulumi_groq.gateway.http.asgi import REQUEST_ID, client_of, read_request_headers
from pulumi_groq.gateway.http.bodies import ClientGoneError, read_body, require_uncompressed
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, PERMISSIONS, SERVER, Refusal
from pulumi_groq.gateway.identity.credentials import admin_identity
from pulumi_groq.gateway.identity.exchange import BODY_HASH, AmbiguousIdentityError, TokenExchange
from pulumi_groq.gateway.identity.exchange_log import Attempt
from pulumi_groq.gateway.identity.issuer_documents import IssuerUnreachableError
from pulumi_groq.gateway.identity.verifier import TokenRefusedError, VerifiedToken
from pulumi_groq.gateway.sign_in_attempts import SignInAttempts
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.models.external_rotation import RotatorRequest, RotatorState

ROTATE_PATH: Final = "/openai/v1/auth/rotate"
BODY_LIMIT_BYTES: Final = 64 * 1024
BODY_TIMEOUT_S: Final = 10.0
_TOKEN_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")

_log = logging.getLogger(__name__)


class RotatorEndpoint:
    """Serves whoever has a token that a workload identity with the right to keys accepts.

    `attempts` bounds the refused tokens of an address; `refused` is told the code of each refusal.
    """

    def __init__(
        self,
        exchange: TokenExchange,
        rotation: ExternalRotation,
        attempts: SignInAttempts,
        refused: Callable[[str], None],
    ) -> None:
        self._exchange = exchange
        self._rotation = rotation
        self._attempts = attempts
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            state = await self._state(scope, receive)
        except Refusal as refusal:
            self._refused(refusal.reason)
            for message in refusal.messages(_NO_STORE):
                await send(message)
        except ClientGoneError:
            return
        else:
            headers = {"cache-control": "no-store"}
            answer = Response(state.model_dump_json(), 200, headers, "application/json")
            await answer(scope, receive, send)

    async def _state(self, scope: Scope, receive: Receive) -> RotatorState:
        if scope["method"] != "POST":
            allow = ((b"allow", b"POST"),)
            message = f"{scope['method'][:16]} is not served here, but POST"
            raise Refusal(405, INVALID_REQUEST, message, code="method_not_allowed", headers=allow)
        address = scope["client"][0] if scope.get("client") else ""
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            raise Refusal(
                429,
                INVALID_REQUEST,
                "Too many refused tokens came from this address: wait, then try again",
                code="too_many_refusals",
                headers=((b"retry-after", b"%d" % wait_s),),
                close=True,
            )
        headers = read_request_headers(scope)
        token = headers.token.decode("latin-1")
        require_uncompressed(headers)
        client = client_of(scope, receive)
        body = await read_body(receive, client, headers.content_length, BODY_LIMIT_BYTES, BODY_TIMEOUT_S)
        caller, environment, token_id = await self._caller(token, body, scope[REQUEST_ID], address)
        require_json(scope, body)
        try:
            wanted = RotatorRequest.model_validate_json(body)
        except ValidationError as problems:
            raise refused_fields(
                [{**each, "loc": ("body", *each["loc"])} for each in problems.errors()]
            ) from None
        try:
            state = await run_in_threadpool(self._rotation.rotate, caller, environment, wanted, token_id)
        except StoreUnavailableError as failure:
            raise store_down(failure) from None
        _log.info("external rotation: %s by %s (%s)", state.key_id, caller.identity.actor_id, address)
        return state

    async def _caller(
        self, token: str, body: bytes, request_id: str, address: str
    ) -> tuple[Caller, str, str]:
        """Who calls, from which environment, and the token's id."""
        attempt = Attempt(address, request_id)
        try:
            record, verified = await self._exchange.identify(
                token, None, attempt, partial(_require_bound, body)
            )
        except TokenRefusedError as refused:
            self._attempts.failed(address)
            _log.warning("external rotation refused: %s; from %s", refused, address)
            raise Refusal(
                401,
                INVALID_REQUEST,
                f"The token is refused: {refused}",
                code="invalid_token",
                headers=((b"www-authenticate", b"Bearer"),),
            ) from None
        except AmbiguousIdentityError:
            raise Refusal(
                403,
                PERMISSIONS,
                "Several workload identities accept this token: let one alone trust this environment",
                code="ambiguous_identity",
            ) from None
        except IssuerUnreachableError as failure:
            _log.warning("the keys of a token's issuer cannot be had: %s", failure)
            raise Refusal(
                503,
                SERVER,
                f"The keys of the token's issuer cannot be had: {failure}",
                code="issuer_unreachable",
                headers=((b"retry-after", b"30"),),
            ) from None
        identity = admin_identity(record, verified.subject, None)
        if identity is None:
            raise Refusal(
                403,
                PERMISSIONS,
                f"Workload identity {record.id} has no admin_role: rotating takes `owner` or `team-admin`",
                code="insufficient_role",
            )
        return Caller(identity, request_id, address), verified.subject, str(verified.claims["jti"])


_NO_STORE: Final = (b"cache-control", b"no-store")


def body_hash(body: bytes) -> str:
    """The body's digest as the claim states it, which is that of Subresource Integrity."""
    return f"sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def _require_bound(body: bytes, verified: VerifiedToken) -> None:
    stated, token_id = verified.claims.get(BODY_HASH), verified.claims.get("jti")
    if stated != body_hash(body):
        raise TokenRefusedError("its body_hash is not that of this request", verified.subject)
    if not isinstance(token_id, str) or not _TOKEN_ID.fullmatch(token_id):
        raise TokenRefusedError("its jti is no text of 1 to 200 printable characters", verified.subject)
