"""One attempt of one call over httpx: its answer, or the reason why there is none."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

from pulumi_groq.admin.retry import retry_after_s
from pulumi_groq.admin.settings import AdminSettings, Redaction
from pulumi_groq.admin.workload_login import PassingFailure, WorkloadCredential
from pulumi_groq.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `operation` says in words what it does; `path` is quoted, below the base URL."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = field(default=None, repr=False)
    idempotency_key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method != "POST" or self.idempotency_key is not None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the server answered: the body read and decompressed, `retry_after_s` the wait that it asks for."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, in words. A `passing` failure may be over by the next attempt; in an
    `unreachable` one no connection could be made, so that nothing was sent. `advice` says what to do where
    that is more than to look at the gateway and its address.
    """

    reason: str
    passing: bool
    advice: str = ""
    unreachable: bool = False


class Deadline:
    """When a call must be over, on `clock` (seconds)."""

    def __init__(self, clock: Callable[[], float], duration_s: float) -> None:
        self._clock = clock
        self._began = clock()
        self.duration_s = duration_s

    def elapsed_s(self) -> float:
        """How long the call has taken so far."""
        return self._clock() - self._began

    def remaining_s(self) -> float:
        """How long the call may still take; not above 0 when it is over."""
        return self.duration_s - self.elapsed_s()


CONNECT_TIMEOUT_S: Final = 5.0
SILENCE_TIMEOUT_S: Final = 30.0
LARGEST_ANSWER_BYTES: Final = 64 * 1024 * 1024

_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST"})
_WITHOUT_TLS: Final = "give the address with http:// where nothing but this machine or a tunnel is in between"
_UNTRUSTED: Final = (
    "name the authority that signed its certificate in SSL_CERT_FILE, and the host that it is for"
)

_UNREACHED_PROXY: Final = (
    "correct HTTP_PROXY, HTTPS_PROXY or ALL_PROXY in the environment, or name the host in NO_PROXY"
)

_THIS_MACHINE: Final = {host: f"all://{host}" for host in ("127.0.0.1", "localhost")} | {"::1": "all://[::1]"}
_WORDS: Final = (
    (httpx.ConnectTimeout, f"no connection within {CONNECT_TIMEOUT_S:g} s"),
    (httpx.ReadTimeout, "the server stayed silent for too long"),
    (httpx.WriteTimeout, "the server did not take the request in time"),
    (httpx.ConnectError, "no connection"),
    (httpx.ProxyError, "the proxy refused"),
    (httpx.TransportError, "the connection broke"),
)


class Sender:
    """Sends calls over one httpx.Client. Redirects are not followed: they would carry the admin key along.

    Proxies and certificates come from the usual environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE);
    this machine is called directly.
    Raises ConfigurationError when those are unusable.
    """

    def __init__(
        self,
        settings: AdminSettings,
        redaction: Redaction,
        transport: httpx.BaseTransport | None,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._now = now
        self._admin_key = settings.admin_key
        self._workload = (
            None
            if settings.workload is None
            else WorkloadCredential(settings.workload, settings.base_url, clock=clock, clean=redaction.line)
        )
        self._base_url = settings.base_url
        self._by_proxy = transport is None and _goes_by_proxy(settings.base_url)
        self._redaction = redaction
        headers = {
            "accept": "application/json",
            "user-agent": f"pulumi-groq/{version('pulumi-groq')} python",
        }
        # The API has no cookies; a proxy's could not even be sent back where they are not ASCII.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        try:
            self._http = httpx.Client(
                headers=headers,
                transport=transport,
                mounts=dict.fromkeys(_THIS_MACHINE.values()),
                cookies=no_cookies,
                follow_redirects=False,
            )
        except (httpx.InvalidURL, ValueError, ImportError, OSError) as error:
            raise ConfigurationError(
                f"cannot set up HTTP: {redaction.line(str(error))}; correct HTTP_PROXY, HTTPS_PROXY, "
                "ALL_PROXY, SSL_CERT_FILE or SSL_CERT_DIR in the environment"
            ) from None

    def attempt(self, call: Call, deadline: Deadline) -> HttpAnswer | Failure:
        """Send `call` once. The deadline bounds each phase, and is looked at after each piece of the body."""
        if self._workload is None:
            return self._send(self._request(call, deadline, self._admin_key), deadline)
        outcome: HttpAnswer | Failure = Failure("", passing=True)
        for _ in range(2):  # a credential that was ended early is renewed once
            try:
                bearer = self._workload.bearer(partial(self._fetch, deadline))
            except PassingFailure as failure:
                return Failure(str(failure), passing=True, unreachable=failure.unreachable)
            outcome = self._send(self._request(call, deadline, bearer), deadline)
            if not isinstance(outcome, HttpAnswer) or outcome.status != 401:
                break
            self._workload.refused(bearer)
        return outcome

    def _fetch(self, deadline: Deadline, request: httpx.Request) -> tuple[int, bytes]:
        request.extensions = {"timeout": _timeout(deadline).as_dict()}
        outcome = self._send(request, deadline)
        if isinstance(outcome, Failure):
            raise PassingFailure(outcome.reason, unreachable=outcome.unreachable)
        return outcome.status, outcome.body

    def _send(self, request: httpx.Request, deadline: Deadline) -> HttpAnswer | Failure:
        try:
            with closing(self._http.send(request, stream=True)) as response:
                body = _body(response, deadline)
                if isinstance(body, Failure):
                    return body
                asked_s = retry_after_s(response.headers, self._now())
                return HttpAnswer(response.status_code, response.headers, body, asked_s)
        except httpx.DecodingError:
            return Failure("the answer's content encoding is broken", passing=False)
        except httpx.TransportError as error:
            return self._failure(error)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _request(self, call: Call, deadline: Deadline, bearer: str) -> httpx.Request:
        headers = {"authorization": f"Bearer {bearer}"}
        if call.body is not None:
            headers["content-type"] = "application/json"
        if call.idempotency_key is not None:
            headers["idempotency-key"] = call.idempotency_key
        return self._http.build_request(
            call.method,
            self._base_url + call.path,
            params=call.query or None,
            content=call.body,
            headers=headers,
            timeout=_timeout(deadline),
        )

    def _failure(self, error: httpx.TransportError) -> Failure:
        words = next(words for kind, words in _WORDS if isinstance(error, kind))
        detail = self._redaction.line(str(error), longest=200)
        reason = f"{words} ({detail})" if detail else words
        tls = _tls_error(error)
        if isinstance(tls, ssl.SSLCertVerificationError):
            return Failure(reason, passing=False, advice=_UNTRUSTED)
        if tls is not None and tls.reason in _NO_TLS:
            return Failure(f"it speaks no TLS ({detail})", passing=False, advice=_WITHOUT_TLS)
        if isinstance(error, httpx.RemoteProtocolError) and self._base_url.startswith("http:"):
            return Failure(f"{reason}; if it speaks TLS, its address begins with https", passing=True)
        unreachable = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        if unreachable and self._by_proxy:
            reason = f"{reason} to the proxy of the environment"
            return Failure(reason, passing=True, advice=_UNREACHED_PROXY, unreachable=True)
        return Failure(reason, passing=True, unreachable=unreachable)


def _goes_by_proxy(url: str) -> bool:
    """Whether the environment has a proxy that httpx takes for `url`."""
    proxies, address = getproxies(), httpx.URL(url)
    has_one = address.scheme in proxies or "all" in proxies
    return has_one and address.host not in _THIS_MACHINE and not proxy_bypass(address.host)


def _timeout(deadline: Deadline) -> httpx.Timeout:
    remaining_s = max(0.0, deadline.remaining_s())
    return httpx.Timeout(min(SILENCE_TIMEOUT_S, remaining_s), connect=min(CONNECT_TIMEOUT_S, remaining_s))


def _body(response: httpx.Response, deadline: Deadline) -> bytes | Failure:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > LARGEST_ANSWER_BYTES:
            return Failure(f"the answer is larger than {LARGEST_ANSWER_BYTES} bytes", passing=False)
        if deadline.remaining_s() <= 0:
            return Failure("the answer was still arriving at the deadline", passing=False)
    return bytes(body)


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    """What TLS said, where that is what `error` comes from."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause
