"""`--counters`: where Redis is, and how it is reached."""

import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pulumi_groq.errors import ConfigurationError

Kind = Literal["server", "sentinel", "cluster"]

KEEP_PERIOD_S: Final = 0.25
"""How often connections are looked after: an outage ends so soon after Redis is back."""

_SCHEMES: Final[dict[str, tuple[Kind, bool]]] = {
    "redis": ("server", False),
    "rediss": ("server", True),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
_DEFAULT_PORTS: Final[dict[Kind, int]] = {"server": 6379, "sentinel": 26379, "cluster": 6379}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A parsed URL. `hosts` are host and port of the server, the sentinels or some nodes of a cluster;
    `service` is the name that sentinels know the server by. `ca_file` is trusted beside nothing else.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    database: int
    service: str
    is_encrypted: bool
    username: str
    password: str = field(repr=False)
    ca_file: str

    def tls(self) -> ssl.SSLContext | None:
        """How connections are encrypted. Raises `ConfigurationError` for a file that cannot be read."""
        if not self.is_encrypted:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as failure:
            why = failure.strerror or "it holds no certificate"
            raise ConfigurationError(f"--counters: ca_file {self.ca_file}: {why}") from None


def parse_redis_url(url: str) -> RedisAddress:
    """Raises `ConfigurationError`, in one line that does not show the password."""
    try:
        parts = urlsplit(url)
        kind, is_encrypted = _SCHEMES[parts.scheme]
        user_info, _, where = parts.netloc.rpartition("@")
        hosts = tuple(_host(each, _DEFAULT_PORTS[kind]) for each in where.split(","))
        path = parts.path.strip("/").split("/")
        service = unquote(path.pop(0)) if kind == "sentinel" else ""
        database = int(path[0]) if path and path[0] else 0
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        ca_file = options.pop("ca_file", "")
        usable = not (options or parts.fragment or len(path) > 1 or database < 0)
        usable = usable and (kind != "sentinel" or bool(service)) and (kind != "cluster" or database == 0)
        usable = usable and (kind != "server" or len(hosts) == 1)
    except (KeyError, ValueError):
        usable = False
    if not usable:
        raise ConfigurationError(
            "--counters is no URL of Redis: give redis://host:6379/0, rediss://user:password@host:6379 (TLS; "
            "?ca_file=FILE), redis+sentinel://host:26379,host:26379/service/0 or redis+cluster://host:6379,host:6379"
        )
    username, _, password = user_info.partition(":")
    if password and not is_encrypted and not all(_is_loopback(host) for host, _ in hosts):
        raise ConfigurationError(
            f"--counters would send the password unencrypted: use rediss{parts.scheme[5:]}://, or "
            f"{parts.scheme}:// to this machine only"
        )
    return RedisAddress(
        kind, hosts, database, service, is_encrypted, unquote(username), unquote(password), ca_file
    )


def _host(text: str, default_port: int) -> tuple[str, int]:
    one = SplitResult("", text, "", "", "")
    port = one.port
    if not one.hostname or port == 0:
        raise ValueError(text)
    return one.hostname, default_port if port is None else port


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
