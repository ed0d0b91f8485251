"""Where an outage of the counters is told: health, metrics, and by them `/readyz` and the log."""

from typing import Final

from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.protocol import WhenDown
from pulumi_groq.gateway.health import Health
from pulumi_groq.gateway.metrics import GatewayMetrics

PART: Final = "counters"


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
            self._health.failed(PART, failure)
        else:
            self._health.degraded(
                PART, f"{failure}: rate limits are held by each replica, to its part of them"
            )

    def counters_up(self) -> None:
        """All of them answer."""
        self._health.works(PART)

    def decided_without_counters(self, how: WhenDown) -> None:
        """A request was held to this replica's own part of the limits, or denied."""
        self._metrics.decided_without_counters(how)
