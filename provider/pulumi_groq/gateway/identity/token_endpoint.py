"""`POST /openai/v1/auth/token`: OAuth 2.0 Token Exchange (RFC 8693), its answers and errors in that shape."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, get_args
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from pulumi_groq.gateway.http.asgi import REQUEST_ID, client_of, read_request_headers
from pulumi_groq.gateway.http.bodies import ClientGoneError, read_body, require_uncompressed
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.identity.exchange import AmbiguousIdentityError, TokenExchange
from pulumi_groq.gateway.identity.exchange_log import Attempt
from pulumi_groq.gateway.identity.issuer_documents import IssuerUnreachableError
from pulumi_groq.gateway.identity.verifier import TokenRefusedError
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.sign_in_attempts import SignInAttempts
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.models.token_exchange import (
    MOST_TOKEN_BYTES,
    AccessTokenType,
    GrantType,
    SubjectTokenType,
)

BODY_LIMIT_BYTES: Final = 2 * MOST_TOKEN_BYTES
BODY_TIMEOUT_S: Final = 10.0

(TOKEN_EXCHANGE,) = get_args(GrantType)
(ACCESS_TOKEN,) = get_args(AccessTokenType)
SUBJECT_TOKEN_TYPES: Final = get_args(SubjectTokenType)
MOST_REFUSED_OF_ONE_ADDRESS: Final = 20
"""In five minutes: runners of a CI share addresses."""

MOST_REFUSED_IN_ALL: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"
_RETRY_AFTER_S: Final = 30

Outcome = str
Observe = Callable[[Outcome], None]
"""Counts an exchange: `issued`, or the error."""

_log = logging.getLogger(__name__)


class ExchangeError(Exception):
    """An answer in the shape of RFC 6749, 5.2."""

    def __init__(
        self, error: str, description: str, status: int = 400, retry_after_s: int | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.status = status
        self.retry_after_s = retry_after_s


class TokenEndpoint:
    """Serves exchanges to whoever has a token. `attempts` bounds the refused ones of an address."""

    def __init__(self, exchange: TokenExchange, attempts: SignInAttempts, observe: Observe) -> None:
        self._exchange = exchange
        self._attempts = attempts
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        address = request.client.host if request.client else ""
        try:
            answer = await self._answer(request, address)
        except ExchangeError as refused:
            self._observe(refused.error)
            answer = _error(refused)
        except Refusal as refusal:
            self._observe("invalid_request")
            answer = _error(ExchangeError("invalid_request", refusal.detail.message, refusal.status))
        except ClientGoneError:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request, address: str) -> Response:
        if request.method != "POST":
            raise ExchangeError("invalid_request", "use POST", 405)
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            raise ExchangeError(
                "temporarily_unavailable",
                "too many refused tokens came from this address: wait, then try again",
                429,
                wait_s,
            )
        form = await _form(request)
        attempt = Attempt(address, request.scope[REQUEST_ID])
        try:
            exchanged = await self._exchange.exchange(form["subject_token"], form.get("audience"), attempt)
        except TokenRefusedError as refused:
            self._attempts.failed(address)
            _log.warning("token exchange refused: %s; from %s", refused, address)
            raise ExchangeError("invalid_request", f"subject_token: {refused}") from None
        except AmbiguousIdentityError:
            raise ExchangeError(
                "invalid_target",
                "several workload identities accept this token: name the one to act as in `audience`",
            ) from None
        except IssuerUnreachableError as failure:
            _log.warning("the keys of a token's issuer cannot be had: %s", failure)
            raise ExchangeError(
                "temporarily_unavailable",
                f"the issuer's keys cannot be had: {failure}",
                503,
                _RETRY_AFTER_S,
            ) from None
        except StoreUnavailableError as failure:
            _log.error("the store does not answer: %s", failure)
            raise ExchangeError(
                "temporarily_unavailable", "the gateway's store does not answer", 503, 1
            ) from None
        self._observe("issued")
        identity = exchanged.identity
        _log.info("token exchanged: as %s (%s), role %s", identity.id, address, identity.admin_role or "-")
        return _json(
            {
                "access_token": exchanged.credential,
                "issued_token_type": ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": exchanged.lifetime_s,
            },
            200,
        )


def refused_tokens(clock: Clock) -> SignInAttempts:
    """Bounds the refused tokens of an address and, against many addresses, of all."""
    return SignInAttempts(clock, MOST_REFUSED_OF_ONE_ADDRESS, MOST_REFUSED_IN_ALL)


async def _form(request: Request) -> Mapping[str, str]:
    headers = read_request_headers(request.scope)
    require_uncompressed(headers)
    if headers.content_type.partition(b";")[0].strip().lower() != _FORM.encode():
        raise ExchangeError("invalid_request", f"the body must be {_FORM}", 415)
    client = client_of(request.scope, request.receive)
    body = await read_body(request.receive, client, headers.content_length, BODY_LIMIT_BYTES, BODY_TIMEOUT_S)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise ExchangeError("invalid_request", "the body is no form of at most 20 fields") from None
    # RFC 6749, 3.2: a parameter without a value counts as left out, and none may come twice.
    form = {name: value for name, value in pairs if value}
    if len({name for name, _ in pairs}) < len(pairs):
        raise ExchangeError("invalid_request", "a parameter is given more than once")
    if form.get("grant_type") != TOKEN_EXCHANGE:
        error = "unsupported_grant_type" if "grant_type" in form else "invalid_request"
        raise ExchangeError(error, f"grant_type must be {TOKEN_EXCHANGE}")
    if "subject_token" not in form:
        raise ExchangeError("invalid_request", "subject_token is missing: give the issuer's token")
    if form.get("subject_token_type") not in SUBJECT_TOKEN_TYPES:
        raise ExchangeError(
            "invalid_request", f"subject_token_type must be one of {', '.join(SUBJECT_TOKEN_TYPES)}"
        )
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise ExchangeError("invalid_request", f"requested_token_type must be {ACCESS_TOKEN}")
    for name in ("actor_token", "actor_token_type", "resource", "scope"):
        if name in form:
            raise ExchangeError("invalid_request", f"{name} is not supported: leave it out")
    return form


def _error(refused: ExchangeError) -> Response:
    answer = _json({"error": refused.error, "error_description": str(refused)}, refused.status)
    if refused.retry_after_s is not None:
        answer.headers["retry-after"] = str(refused.retry_after_s)
    if refused.status == 405:
        answer.headers["allow"] = "POST"
    return answer


def _json(content: Mapping[str, str | int], status: int) -> Response:
    return JSONResponse(dict(content), status, {"cache-control": "no-store", "pragma": "no-cache"})
