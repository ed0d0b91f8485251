"""Fault injection under `/__test__/`: only in a gateway started with `--test-controls` on the echo upstream.

It moves the clock, makes requests fail or stall, loses answers after the work is done, and counts requests.
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulumi_groq.gateway.admin.credentials import AdminCredentials
from pulumi_groq.gateway.admin.gate import BODY_LIMIT_BYTES, BODY_TIMEOUT_S
from pulumi_groq.gateway.clock import MovableClock
from pulumi_groq.gateway.http.asgi import client_of
from pulumi_groq.gateway.http.bodies import ClientGoneError, read_body
from pulumi_groq.gateway.http.refusal import SERVER, Refusal, bad_request, invalid_api_key, unknown_url
from pulumi_groq.models.fields import UtcTime, wire_time

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)
_FARTHEST_S: Final = 100 * 366 * 24 * 3600


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClockOrder(_Order):
    """Body of `POST /__test__/clock`: a time from 2000 to 3000, or seconds to add."""

    now: Annotated[UtcTime, Field(ge=_EARLIEST, le=_LATEST)] | None = None
    advance_s: Annotated[float, Field(ge=-_FARTHEST_S, le=_FARTHEST_S, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.now is None) == (self.advance_s is None):
            raise ValueError("give either now or advance_s")
        return self


class MatchOrder(_Order):
    """Body of `POST /__test__/lose-response`: which requests, and how many behind the first `skip`."""

    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    skip: Annotated[int, Field(ge=0, le=100_000)] = 0
    method: str | None = None
    path_prefix: str = "/openai/"

    def matches(self, scope: Scope) -> bool:
        """Whether the order matches the request."""
        path: str = scope["path"]
        return self.method in (None, scope["method"]) and path.startswith(self.path_prefix)


class FailOrder(MatchOrder):
    """Body of `POST /__test__/fail`: they get `status` and are not handled."""

    status: Annotated[int, Field(ge=400, le=599)] = 503
    retry_after_s: Annotated[int, Field(ge=0, le=3600)] | None = None


class StallOrder(MatchOrder):
    """Body of `POST /__test__/stall`: they get no answer as long as their client waits.

    They are left unhandled, or with `handled` are handled and committed first.
    """

    handled: bool = False


PREFIX: Final = "/__test__/"
_TEMPLATES: Final = (
    (re.compile(r"^(/openai/v1/(?:api-keys|admin-keys|files|batches))/[^/]+"), r"\1/{id}"),
    (re.compile(r"^(/openai/v1/models)/.+"), r"\1/{id}"),
    (re.compile(r"^(/openai/v1/teams)/.+"), r"\1/{name}"),
)

OrderT = TypeVar("OrderT", bound=BaseModel)
MatchT = TypeVar("MatchT", bound=MatchOrder)


class FaultInjection:
    """ASGI: the gateway, with the controls in front. All of them need the admin key."""

    def __init__(
        self,
        gateway: ASGIApp,
        *,
        clock: MovableClock,
        root: AdminCredentials,
        upstream_calls: Mapping[str, int],
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._root = root
        self._upstream_calls = upstream_calls
        self._upstream_calls_before_reset: dict[str, int] = {}
        self._requests: Counter[str] = Counter()
        self._fails: list[FailOrder] = []
        self._losses: list[MatchOrder] = []
        self._stalls: list[StallOrder] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass the lifespan on."""
        if scope["type"] != "http":
            await self._gateway(scope, receive, send)
        elif scope["path"].startswith(PREFIX):
            await self._control(scope, receive, send)
        else:
            await self._interfere(scope, receive, send)

    async def _interfere(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/openai/"):
            self._requests[f"{scope['method']} {_template(scope['path'])}"] += 1
        fail = _take(self._fails, scope)
        if fail is not None:
            await _send(_failure(fail), send)
        elif (stall := _take(self._stalls, scope)) is not None:
            if stall.handled:
                await self._gateway(scope, receive, _swallow)
            await _client_gone(receive)
        elif _take(self._losses, scope) is not None:
            await self._gateway(scope, receive, _swallow)
            client_of(scope, receive).abort()
            # The server counts a request as answered or its client as gone: wait for the latter.
            await _client_gone(receive)
        else:
            await self._gateway(scope, receive, send)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._root.caller(scope) is None:
            await _send(invalid_api_key(), send)
            return
        try:
            client = client_of(scope, receive)
            body = await read_body(receive, client, None, BODY_LIMIT_BYTES, BODY_TIMEOUT_S)
            response = self._obey(scope, body)
        except Refusal as refusal:
            await _send(refusal, send)
        except ClientGoneError:
            return
        else:
            await response(scope, receive, send)

    def _obey(self, scope: Scope, body: bytes) -> Response:
        match scope["method"], scope["path"].removeprefix(PREFIX):
            case "POST", "clock":
                return self._move_clock(_order(ClockOrder, body))
            case "POST", "fail":
                self._fails.append(_order(FailOrder, body))
            case "POST", "lose-response":
                self._losses.append(_order(MatchOrder, body))
            case "POST", "stall":
                self._stalls.append(_order(StallOrder, body))
            case "POST", "cancel-orders":
                self._fails.clear()
                self._losses.clear()
                self._stalls.clear()
            case "POST", "reset-counts":
                self._requests.clear()
                self._upstream_calls_before_reset = dict(self._upstream_calls)
            case "GET", "requests":
                return JSONResponse({"requests": self._requests, "upstream": self._upstream_counts()})
            case _:
                raise unknown_url(scope["method"], scope["path"])
        return JSONResponse({"done": True})

    def _move_clock(self, order: ClockOrder) -> Response:
        target = order.now or self._clock.now() + timedelta(seconds=order.advance_s or 0)
        self._clock.set(target)
        return JSONResponse({"now": wire_time(target)})

    def _upstream_counts(self) -> dict[str, int]:
        counts = Counter(self._upstream_calls)
        counts.subtract(self._upstream_calls_before_reset)
        return {path: count for path, count in counts.items() if count}


def _order(kind: type[OrderT], body: bytes) -> OrderT:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise bad_request(f"{path}: {first['msg']}", param=path or None) from None


def _take(orders: list[MatchT], scope: Scope) -> MatchT | None:
    """The first order that matches this request, which uses it up once."""
    for index, order in enumerate(orders):
        if order.matches(scope):
            if order.skip:
                orders[index] = order.model_copy(update={"skip": order.skip - 1})
                continue
            left = order.times - 1
            orders[index : index + 1] = [order.model_copy(update={"times": left})] if left else []
            return order
    return None


def _failure(order: FailOrder) -> Refusal:
    headers = () if order.retry_after_s is None else ((b"retry-after", b"%d" % order.retry_after_s),)
    return Refusal(order.status, SERVER, "The test controls made this request fail", headers=headers)


def _template(path: str) -> str:
    for pattern, template in _TEMPLATES:
        path = pattern.sub(template, path)
    return path


async def _send(answer: Refusal, send: Send) -> None:
    for message in answer.messages():
        await send(message)


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _swallow(_message: Message) -> None:
    return
