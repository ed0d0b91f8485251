"""`pulumi-groq serve`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import click

from pulumi_groq.cli.stopping import ended_by_sigterm
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.models.fields import LARGEST_LIMIT, UNLIMITED
from pulumi_groq.policy.access import Limits

_EPILOG = """\b
Secrets come from the environment only:
  GROQ_ADMIN_KEY       administers this gateway (needed; 16 characters up)
  GROQ_GATEWAY_SECRET  seals stored answers (16 up; else made: STORE.secret)
  GROQ_API_KEY         the key for a real upstream (needed for one)
  GROQ_COUNTERS_URL    --counters, where the URL holds a password
  GROQ_GATEWAY_STORE   the store's URL, where it holds a password
  HTTPS_PROXY          for upstream, webhooks and issuers: http://host:port
  NO_PROXY             hosts that are reached without it

Exit codes: 0 stopped by SIGTERM, SIGINT or SIGHUP, 1 PostgreSQL does not answer at the start or the
end, or lacks what it acknowledged (start it again), 2 a setting is missing or unusable.
"""


class UnusableSettingError(click.ClickException):
    """A setting is missing or unusable: one line, exit code 2."""

    exit_code = 2


class _NotServingError(UnusableSettingError):
    """Why the gateway does not start: one line in the form of the log, exit code 2."""

    def __init__(self, reason: Exception, *, as_json: bool) -> None:
        super().__init__(str(reason))
        self._as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        """The line on stderr."""
        if not self._as_json:
            super().show(file)
            return
        from pulumi_groq.gateway.logs import json_line_of_error  # noqa: PLC0415 (as in `serve`)

        click.echo(json_line_of_error(self.message), file=file, err=True)


class _StartAgainError(_NotServingError):
    """Why it does not start now, or go on: as above, exit code 1."""

    exit_code = 1


class _Limit(click.ParamType[int | None]):
    """A number, or "unlimited"."""

    name = "N|unlimited"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """The limit; None is unlimited."""
        if value == UNLIMITED:
            return None
        try:
            number = int(value)
        except ValueError:
            number = 0
        if not 1 <= number <= LARGEST_LIMIT:
            self.fail(
                f'{value} is neither a number from 1 to {LARGEST_LIMIT:,} nor "{UNLIMITED}"', param, ctx
            )
        return number


def _default_limit(name: str, default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        f"--default-{name}",
        type=_Limit(),
        metavar=f"N|{UNLIMITED}",  # click would write it in capitals, which are not taken
        default=default,
        show_default=True,
        help="For keys without their own.",
    )


@click.command(short_help="Run the gateway.", epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8700,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--store",
    "store_url",
    metavar="URL",
    default="sqlite:///gateway.db",
    show_default=True,
    envvar="GROQ_GATEWAY_STORE",
    help="Where keys, policy and usage are kept: sqlite:///relative/path, sqlite:////absolute/path or "
    "postgresql://user@host:5432/database.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="With a store on PostgreSQL: this gateway's own folder, for its journal. Default: gateway-data.",
)
@click.option(
    "--stale-keys-seconds",
    "stale_keys_s",
    type=click.IntRange(1, 86_400),
    default=300,
    show_default=True,
    help="With a store on PostgreSQL: how long known keys go on while it does not answer; then 503.",
)
@click.option(
    "--accept-older-store",
    is_flag=True,
    help="Start on a store that lacks writes which it acknowledged: they stay lost.",
)
@click.option(
    "--upstream",
    metavar="echo|URL",
    default="echo",
    show_default=True,
    help="What answers inference requests: the built-in echo, or a base URL such as https://api.groq.com.",
)
@click.option(
    "--upstream-key",
    "upstream_key_sources",
    metavar="NAME=env:VAR|NAME=file:PATH",
    multiple=True,
    help="A key for the upstream that teams may name as their upstream_key; may be repeated. A file is read "
    "again when it changes. The name default stands for GROQ_API_KEY.",
)
@click.option(
    "--price-list",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Models and prices (TOML) laid over the built-in list.",
)
@_default_limit("requests-per-minute", "1000")
@_default_limit("tokens-per-minute", "250000")
@_default_limit("requests-per-day", UNLIMITED)
@_default_limit("tokens-per-day", UNLIMITED)
@_default_limit("max-parallel-requests", UNLIMITED)
@click.option(
    "--drain-seconds",
    "drain_s",
    type=click.IntRange(0, 3600),
    default=30,
    show_default=True,
    help="How long running requests may take to finish at shutdown.",
)
@click.option(
    "--change-retention-days",
    type=click.IntRange(1, 36_500),
    default=365,
    show_default=True,
    help="How long the record of administrative changes is kept.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(1, 1_000_000),
    default=4096,
    show_default=True,
    help="Connections in all; further ones may only ask for health, metrics and the admin API.",
)
@click.option(
    "--max-connections-per-peer",
    type=click.IntRange(1, 1_000_000),
    default=3072,
    show_default=True,
    help="Of one address; behind a load balancer all clients have one.",
)
@click.option(
    "--max-body-mib",
    type=click.IntRange(1, 1_000_000),
    default=1024,
    show_default=True,
    help="Memory for request bodies, in MiB; more is answered with 503.",
)
@click.option(
    "--max-body-mib-per-peer",
    type=click.IntRange(1, 1_000_000),
    default=768,
    show_default=True,
    help="The same, of one address.",
)
@click.option(
    "--cors-origins",
    metavar="ORIGIN",
    multiple=True,
    help="Lets pages of this origin call the inference API from browsers; may be repeated.",
)
@click.option(
    "--webhook-hosts",
    metavar="HOST",
    multiple=True,
    help="A host, address or network (10.1.0.0/16) for alerts beside public addresses; may be repeated.",
)
@click.option(
    "--counters",
    "counters_url",
    metavar="URL",
    envvar="GROQ_COUNTERS_URL",
    help="Redis or Valkey that counts rate limits for several gateways (redis://host:6379/0, rediss:// with "
    "TLS, redis+sentinel://host:26379/service, redis+cluster://host:6379); else this process counts them.",
)
@click.option(
    "--when-counters-are-down",
    type=click.Choice(["local-share", "deny"]),
    default="local-share",
    show_default=True,
    help="While Redis is out: hold this gateway's part of each rate limit, or answer 503.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Speak TLS with this certificate and those that signed it (PEM); read again when it changes.",
)
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Its private key (PEM, without a passphrase).",
)
@click.option(
    "--trusted-proxies",
    metavar="NETWORK",
    multiple=True,
    help="An address or network of reverse proxies, whose word on their clients' addresses is taken; may be "
    "repeated.",
)
@click.option(
    "--proxy-headers",
    type=click.Choice(["x-forwarded", "forwarded"]),
    default="x-forwarded",
    show_default=True,
    help="Where they give it: X-Forwarded-For and X-Forwarded-Proto, or Forwarded.",
)
@click.option(
    "--issuer-hosts",
    metavar="HOST",
    multiple=True,
    help="A host, address or network for OIDC issuers of workload identities beside public addresses; may be "
    "repeated.",
)
@click.option(
    "--allow-loopback-issuers",
    is_flag=True,
    help="Take OIDC issuers of this machine over plain http: for tests and development.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Log lines, on stderr.",
)
@click.option(
    "--test-controls", is_flag=True, help="Serve /__test__/ (clock, failures, counts); echo upstream only."
)
def serve(
    *,
    default_requests_per_minute: int | None,
    default_tokens_per_minute: int | None,
    default_requests_per_day: int | None,
    default_tokens_per_day: int | None,
    default_max_parallel_requests: int | None,
    upstream_key_sources: tuple[str, ...],
    **options: Any,
) -> None:
    """Run the gateway: the admin API and the inference API on one port.

    Prints "gateway listening on http://HOST:PORT" once it takes requests. A store on SQLite serves one
    gateway at a time; one on PostgreSQL any number, each with a --data-dir of its own.
    """
    click.get_current_context().with_resource(ended_by_sigterm())
    try:
        from pulumi_groq.gateway import egress_proxy, server, settings  # noqa: PLC0415 (an extra; and help stays quick)
        from pulumi_groq.gateway.store.errors import (  # noqa: PLC0415 (as above)
            StoreBehindError,
            StoreNotYetError,
            StoreOpenError,
        )
        from pulumi_groq.gateway.upstream_keys import parse_source  # noqa: PLC0415 (as above)
    except ModuleNotFoundError as missing:
        raise UnusableSettingError(f"{missing.name} is missing: pip install 'pulumi-groq[gateway]'") from None
    try:
        server.serve(
            settings.Settings(
                admin_key=os.environ.get("GROQ_ADMIN_KEY", ""),
                gateway_secret=os.environ.get("GROQ_GATEWAY_SECRET"),
                upstream_key=os.environ.get("GROQ_API_KEY"),
                upstream_keys=tuple(parse_source(each, os.environ) for each in upstream_key_sources),
                egress_proxies=egress_proxy.EgressProxies(os.environ),
                default_limits=Limits(
                    requests_per_minute=default_requests_per_minute,
                    tokens_per_minute=default_tokens_per_minute,
                    requests_per_day=default_requests_per_day,
                    tokens_per_day=default_tokens_per_day,
                    max_parallel_requests=default_max_parallel_requests,
                ),
                **options,
            ),
            announce=lambda url: click.echo(f"gateway listening on {url}"),
        )
    except (ConfigurationError, StoreOpenError, StoreBehindError) as error:
        kind = (
            _StartAgainError if isinstance(error, StoreBehindError | StoreNotYetError) else _NotServingError
        )
        raise kind(error, as_json=options["log_format"] == "json") from None
