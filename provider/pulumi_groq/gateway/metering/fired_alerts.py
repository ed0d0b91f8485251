"""Which thresholds have fired, in memory; read by any thread."""

from collections.abc import Iterable

from pulumi_groq.gateway.store.alerts import Alert


class FiredAlerts:
    """Alerts by month and threshold."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self._alerts = {(alert.month, alert.threshold_micro_usd): alert for alert in alerts}

    def __contains__(self, month_and_threshold: tuple[str, int]) -> bool:
        return month_and_threshold in self._alerts

    def add(self, alert: Alert) -> None:
        """The alert is in the store."""
        self._alerts[alert.month, alert.threshold_micro_usd] = alert

    def of_month(self, month: str) -> list[Alert]:
        """The alerts of a month, by threshold."""
        alerts = [alert for alert in self._alerts.copy().values() if alert.month == month]
        return sorted(alerts, key=lambda alert: alert.threshold_micro_usd)

    def all(self) -> list[Alert]:
        """The alerts of all months."""
        return list(self._alerts.copy().values())
