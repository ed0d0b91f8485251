"""Where the admin API is and with which key, checked; and how that key is kept out of what is shown."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

import httpx

from pulumi_groq.admin.workload_login import WorkloadLogin
from pulumi_groq.errors import ConfigurationError

API_PATH: Final = "/openai/v1"

Configured = Callable[[str], str | None]
"""Gives a setting of the stack by its name, such as `baseUrl`; `None` or empty where it is not set."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in messages: what it is called, how to set it after its name, and how on its own."""

    name: str
    set_it: str
    correct: str


@dataclass(frozen=True, slots=True)
class SettingNames:
    """The settings as they are called, and set, where they came from."""

    base_url: Setting
    admin_key: Setting
    without_key: str
    workload_identity: str


_BY_A_WORKLOAD: Final = "a workload identity needs GROQ_ADMIN_OIDC_TOKEN_FILE instead"
_SET_IN_STACK: Final = (
    "run `pulumi config set groq:baseUrl URL` or set GROQ_ADMIN_BASE_URL",
    "run `pulumi config set --secret groq:adminKey` or set GROQ_ADMIN_KEY",
)
IN_A_STACK: Final = SettingNames(
    Setting("groq:baseUrl (environment: GROQ_ADMIN_BASE_URL)", _SET_IN_STACK[0], _SET_IN_STACK[0]),
    Setting("groq:adminKey (environment: GROQ_ADMIN_KEY)", _SET_IN_STACK[1], _SET_IN_STACK[1]),
    _BY_A_WORKLOAD,
    "run `pulumi config set groq:workloadIdentity NAME` or set GROQ_ADMIN_WORKLOAD_IDENTITY",
)
IN_THE_ENVIRONMENT: Final = SettingNames(
    Setting("GROQ_ADMIN_BASE_URL", "set it in the environment", "set GROQ_ADMIN_BASE_URL"),
    Setting("GROQ_ADMIN_KEY", "set it in the environment", "set GROQ_ADMIN_KEY"),
    _BY_A_WORKLOAD,
    "set GROQ_ADMIN_WORKLOAD_IDENTITY",
)
AS_ARGUMENTS: Final = SettingNames(
    Setting("base_url", "give it to AdminSettings", "give AdminSettings another base_url"),
    Setting("admin_key", "give it to AdminSettings", "give AdminSettings another admin_key"),
    "or `workload`, for a workload identity",
    "give WorkloadLogin another identity",
)


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """The admin API's address and key, checked.

    `base_url` is kept without a trailing slash and without `/openai/v1`. Without a key, `workload` says how
    to do without one. `names` are the words of messages for whoever has to correct a setting. Raises
    ConfigurationError that names the setting at fault and quotes neither value. Settings refuse to be
    pickled, since Pulumi stores pickled providers in its state.
    """

    base_url: str
    admin_key: str = field(default="", repr=False)
    workload: WorkloadLogin | None = field(default=None, repr=False)
    names: SettingNames = field(default=AS_ARGUMENTS, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _base_url(self.base_url, self.names.base_url))
        if self.admin_key or self.workload is None:
            _check_admin_key(self.admin_key, self.names)

    @classmethod
    def found(cls, configured: Configured, environment: Mapping[str, str]) -> "AdminSettings":
        """What a stack's configuration has, else the environment. A key goes before a workload's token."""

        def setting(name: str, variable: str) -> str:
            return configured(name) or environment.get(variable, "")

        return cls._from(setting, environment, IN_A_STACK)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "AdminSettings":
        """What the environment has, where there is no stack. A key goes before a workload's token."""
        return cls._from(
            lambda _name, variable: environment.get(variable, ""), environment, IN_THE_ENVIRONMENT
        )

    @classmethod
    def _from(
        cls, setting: Callable[[str, str], str], environment: Mapping[str, str], names: SettingNames
    ) -> "AdminSettings":
        base_url = _base_url(setting("baseUrl", "GROQ_ADMIN_BASE_URL"), names.base_url)
        admin_key = setting("adminKey", "GROQ_ADMIN_KEY")
        workload = None if admin_key else WorkloadLogin.found(setting, environment, base_url)
        return cls(base_url, admin_key, workload, names)

    @property
    def is_for_models(self) -> bool:
        """Whether the key is one of the inference plane, which no admin API takes."""
        return self.admin_key.startswith(GATEWAY_KEY_PREFIX)

    def __reduce__(self) -> NoReturn:
        raise TypeError("AdminSettings hold the admin key and are never pickled")


def _base_url(text: str, setting: Setting) -> str:
    fault = _base_url_fault(text) if text else "is missing"
    if fault:
        raise ConfigurationError(
            f"{setting.name} {fault}: {setting.set_it}; a URL such as http://127.0.0.1:8700"
        )
    return text.rstrip("/").removesuffix(API_PATH).rstrip("/")


def _base_url_fault(text: str) -> str | None:
    """What is wrong with `text`, without quoting it: a key may have landed in the wrong setting."""
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        return "must hold neither spaces nor non-ASCII characters"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return "is not a URL"
    port_fits = url.port is None or 1 <= url.port <= 65535
    if url.scheme not in {"http", "https"} or not url.host or not port_fits:
        return "must be an http or https URL with a host"
    if url.userinfo or "@" in url.netloc.decode("ascii"):
        return "must not hold a user name or password"
    if "?" in text or "#" in text:
        return "must not hold a query or fragment"
    return None


def _check_admin_key(key: str, names: SettingNames) -> None:
    setting = names.admin_key
    if not key:
        raise ConfigurationError(f"{setting.name} is missing: {setting.set_it}; {names.without_key}")
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigurationError(
            f"{setting.name} holds a space, a line break or a character that no key has: {setting.set_it}"
        )


GATEWAY_KEY_PREFIX: Final = "pgq_"
ADMIN_KEY_PREFIX: Final = "pgqadm_"
MASK: Final = "[key]"

# Keys of either plane, credentials of workload identities, and JSON Web Tokens.
_SECRET: Final = re.compile(
    rf"(?:{GATEWAY_KEY_PREFIX}|{ADMIN_KEY_PREFIX})[0-9A-Za-z]+|pgqt_[\w-]+|eyJ[\w-]+\.[\w-]+\.[\w-]*"
)


class Redaction:
    """Cleans what a server or a library said. Holds the admin key, if there is one, to know what to mask."""

    def __init__(self, admin_key: str) -> None:
        self._admin_key = admin_key

    def line(self, text: str, longest: int = 300) -> str:
        """`text` on one line of at most `longest` characters, the admin key and any other masked."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        line = " ".join(printable.split())
        masked = _SECRET.sub(MASK, line.replace(self._admin_key, MASK) if self._admin_key else line)
        return masked if len(masked) <= longest else masked[: longest - 1] + "…"
