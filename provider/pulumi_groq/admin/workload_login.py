"""How a workload without a key gets a credential: its platform's token, exchanged (RFC 8693)."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from pulumi_groq.errors import ConfigurationError

TOKEN_FILE: Final = "GROQ_ADMIN_OIDC_TOKEN_FILE"  # noqa: S105 (a variable's name)
REQUEST_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
REQUEST_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 (the same)
TOKEN_PATH: Final = "/openai/v1/auth/token"  # noqa: S105 (a path)
LONGEST_TOKEN: Final = 16 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.-]+")
_CREDENTIAL: Final = re.compile(r"[\x21-\x7e]{1,8192}")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class WorkloadLogin:
    """Where a workload's token comes from, and what it is exchanged for.

    `token_file` is read for each exchange, since platforms renew it. Without one, `request_url` and
    `request_token` are those that GitHub gives a job with `id-token: write`. `audience` is what a token
    is asked for; `identity` is the name of the workload identity, empty for the only one that fits.
    Raises ConfigurationError for a request URL that would send its token unencrypted.
    """

    token_file: str = ""
    request_url: str = ""
    request_token: str = field(default="", repr=False)
    audience: str = ""
    identity: str = ""

    def __post_init__(self) -> None:
        if not self.token_file and not _is_safe(self.request_url):
            raise ConfigurationError(f"{REQUEST_URL} is no https URL: give the job `id-token: write` anew")

    @classmethod
    def found(
        cls, setting: Callable[[str, str], str], environment: Mapping[str, str], base_url: str
    ) -> "WorkloadLogin | None":
        """What the settings and GitHub's variables give; `None` where a token comes from neither.

        `setting` gives a setting by its name in a stack and its environment variable.
        """
        token_file = setting("oidcTokenFile", TOKEN_FILE)
        request_url = "" if token_file else environment.get(REQUEST_URL, "")
        if not token_file and not request_url:
            return None
        return cls(
            token_file=token_file,
            request_url=request_url,
            request_token="" if token_file else environment.get(REQUEST_TOKEN, ""),
            audience=setting("oidcAudience", "GROQ_ADMIN_OIDC_AUDIENCE") or base_url,
            identity=setting("workloadIdentity", "GROQ_ADMIN_WORKLOAD_IDENTITY"),
        )


class PassingFailure(Exception):  # noqa: N818 (not an error yet: another attempt may succeed)
    """No credential could be had right now; where no connection could be made for it, `unreachable`."""

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


Fetch = Callable[[httpx.Request], tuple[int, bytes]]
"""Sends one request; its status and body. Raises `PassingFailure` where there is no answer."""


class WorkloadCredential:
    """The credential of a workload, renewed before it ends. Thread-safe.

    `clock` is monotonic seconds; `clean` makes what the gateway said fit to be shown.
    """

    def __init__(
        self,
        login: WorkloadLogin,
        base_url: str,
        *,
        clock: Callable[[], float],
        clean: Callable[[str], str],
    ) -> None:
        self._login = login
        self._base_url = base_url
        self._clock = clock
        self._clean = clean
        self._one_at_a_time = threading.Lock()
        self._credential = ""
        self._renew_at_s = float("-inf")
        self._ends_at_s = float("-inf")

    def bearer(self, fetch: Fetch) -> str:
        """A credential that is good now.

        Raises ConfigurationError where there is no token or the gateway refuses it, else PassingFailure.
        While an earlier credential is good, a failure to renew it raises neither.
        """
        with self._one_at_a_time:
            if self._clock() < self._renew_at_s:
                return self._credential
            try:
                self._exchange(fetch)
            except (ConfigurationError, PassingFailure):
                if self._clock() >= self._ends_at_s:
                    raise
            return self._credential

    def refused(self, credential: str) -> None:
        """The gateway takes this one no longer: the next is another one."""
        with self._one_at_a_time:
            if credential == self._credential:
                self._renew_at_s = self._ends_at_s = float("-inf")

    def _exchange(self, fetch: Fetch) -> None:
        login = self._login
        token = _from_file(login.token_file) if login.token_file else self._from_github(fetch)
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "subject_token": token,
        }
        if login.identity:
            form["audience"] = login.identity
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        request = httpx.Request("POST", self._base_url + TOKEN_PATH, headers=headers, content=urlencode(form))
        began_s = self._clock()
        status, body = fetch(request)
        answer = _object(body)
        if status in {408, 429} or status >= 500:
            raise PassingFailure(f"the gateway gives no credential now ({self._words(status, answer)})")
        if status != 200:
            raise ConfigurationError(
                f"the gateway did not accept this workload's token: {self._words(status, answer)}; compare "
                "the workload identity's issuer, audience and claims with the token's"
            )
        credential, lives_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(credential, str) or not _CREDENTIAL.fullmatch(credential):
            raise ConfigurationError(
                f"{self._base_url} is no gateway that exchanges tokens: correct the address"
            )
        lifetime_s = float(lives_s) if isinstance(lives_s, int) and lives_s > 0 else 60.0
        self._credential = credential
        self._renew_at_s = began_s + lifetime_s * 3 / 4
        self._ends_at_s = began_s + lifetime_s

    def _words(self, status: int, answer: Mapping[str, Any]) -> str:
        told = answer.get("error_description")
        return self._clean(told) if isinstance(told, str) else f"status {status}"

    def _from_github(self, fetch: Fetch) -> str:
        login = self._login
        url = httpx.URL(login.request_url).copy_set_param("audience", login.audience)
        headers = {"authorization": f"Bearer {login.request_token}", "accept": "application/json"}
        status, body = fetch(httpx.Request("GET", url, headers=headers))
        token = _object(body).get("value")
        if status == 200 and isinstance(token, str) and _TOKEN.fullmatch(token):
            return token
        if status in {408, 429} or status >= 500:
            raise PassingFailure(f"GitHub gives no token now (status {status})")
        raise ConfigurationError(
            f"GitHub gave this job no token (status {status}): give the job `permissions: id-token: write`"
        )


def _from_file(path: str) -> str:
    try:
        with Path(path).open(encoding="ascii") as file:
            token = file.read(LONGEST_TOKEN + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"{TOKEN_FILE}: cannot read {path}: {reason}") from None
    if not _TOKEN.fullmatch(token) or len(token) > LONGEST_TOKEN:
        raise ConfigurationError(f"{TOKEN_FILE}: {path} holds no token of an OIDC issuer")
    return token


def _is_safe(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme == "https" or (parsed.scheme == "http" and parsed.host in _LOOPBACK)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
