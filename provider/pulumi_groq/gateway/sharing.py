"""Puts together what a gateway shares with the others on its store: money, changes, and counters of rates."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.local_rates import LocalRates
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.counters.protocol import WhenDown
from pulumi_groq.gateway.counters.redis_address import KEEP_PERIOD_S, parse_redis_url
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.following import DIRECTORY, FOLLOW_PERIOD_S, Following
from pulumi_groq.gateway.health import Background, Health
from pulumi_groq.gateway.metering.shared_money import SharedMoney
from pulumi_groq.gateway.metrics import GatewayMetrics
from pulumi_groq.gateway.settings import Settings
from pulumi_groq.gateway.store.change_log import CHANGES_CHANNEL
from pulumi_groq.gateway.store.store import Store

REPORTS_CHANNEL: Final = "groq_reports"
REPORT_WAIT_S: Final = 2.0
"""So long a delete waits for what other gateways say of the key's use."""

if TYPE_CHECKING:
    from pulumi_groq.gateway.counters.redis import RedisCounters
    from pulumi_groq.gateway.store.notifications import Notifications
    from pulumi_groq.gateway.store.roll_call import RollCall

COUNTERS: Final = "counters"


class CountersOutage:
    """The `ReachEvents` and `OutageEvents` of a gateway. Where limits go on locally the gateway stays ready:
    otherwise a load balancer would take all replicas out at once.
    """

    def __init__(self, health: Health, metrics: GatewayMetrics, when_down: WhenDown) -> None:
        self._health = health
        self._metrics = metrics
        self._when_down = when_down

    def counters_down(self, failure: CountersUnavailableError) -> None:
        """A server that holds keys does not answer; it is asked again."""
        if self._when_down == "deny":
            self._health.failed(COUNTERS, failure)
        else:
            self._health.degraded(
                COUNTERS, f"{failure}: rate limits are held by each replica, to its part of them"
            )

    def counters_up(self) -> None:
        """All of them answer."""
        self._health.works(COUNTERS)

    def decided_without_counters(self, how: WhenDown) -> None:
        """A request was held to this replica's own part of the limits, or denied."""
        self._metrics.decided_without_counters(how)


class Replica(NamedTuple):
    """What a gateway that is one of several shares with them."""

    money: SharedMoney
    notifications: "Notifications"
    following: Following
    reports: "RollCall"
    """Has the others report which keys are in use there."""

    def answer_reports(self, *reports: Callable[[], Awaitable[None]]) -> None:
        """Have these called when another gateway wants to know which keys are in use here."""

        async def answer(_subject: object) -> None:
            for report in reports:
                await report()

        self.reports.answer(self.notifications, answer)


def replica_of(store: Store, directory: LiveDirectory, following: Following) -> Replica | None:
    """This gateway among the others on the store; `None` where it is alone."""
    member = store.member
    if member is None:
        return None
    # The driver is an extra.
    from pulumi_groq.gateway.store.notifications import Notifications  # noqa: PLC0415
    from pulumi_groq.gateway.store.roll_call import RollCall  # noqa: PLC0415

    money = SharedMoney(store, member, directory, following)
    notifications = Notifications(store.engine)
    money.answer_recalls(notifications)
    notifications.hear(CHANGES_CHANNEL, following.heard)
    following.tell(money.changed)
    reports = RollCall(store.engine, member.holder, REPORTS_CHANNEL, REPORT_WAIT_S)
    return Replica(money, notifications, following, reports)


def local_rates(store: Store) -> LocalRates | None:
    """This process's part of all limits that are no money; `None` where it is alone."""
    return None if store.member is None else LocalRates(MemoryCounters(), live_gateways(store))


def live_gateways(store: Store) -> Callable[[], int]:
    """How many gateways on the store live and are heard of: 1 or more."""
    member = store.member
    return (lambda: 1) if member is None else (lambda: max(1, len(member.live)))


def redis_counters(
    settings: Settings, store: Store, health: Health, metrics: GatewayMetrics
) -> "RedisCounters":
    """The counters at the settings' URL. Raises `ConfigurationError` where the extra is missing."""
    try:
        from pulumi_groq.gateway.counters import redis, redis_script, redis_servers  # noqa: PLC0415  an extra
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"--counters: {missing.name} is missing: pip install 'pulumi-groq[redis]'"
        ) from None
    when_down = settings.when_counters_are_down
    outage = CountersOutage(health, metrics, when_down)
    address = parse_redis_url(settings.counters_url or "")
    servers = redis_servers.RedisServers(address, redis_script.SCRIPT, outage)
    return redis.RedisCounters(servers, outage, when_down=when_down, live_replicas=live_gateways(store))


@asynccontextmanager
async def counted(redis: "RedisCounters | None", background: Background) -> AsyncIterator[None]:
    """Keeps the connections to Redis."""
    if redis is None:
        yield
        return
    await redis.keep()
    background.every(KEEP_PERIOD_S, "counters upkeep", redis.keep)
    try:
        yield
    finally:
        redis.servers.close()


@asynccontextmanager
async def followed(replica: Replica | None, background: Background) -> AsyncIterator[None]:
    """Hears what other gateways change, and looks each second, in case a notification was lost."""
    if replica is None:
        yield
        return
    async with replica.notifications.listening():
        background.every(FOLLOW_PERIOD_S, DIRECTORY, replica.following.round)
        yield
