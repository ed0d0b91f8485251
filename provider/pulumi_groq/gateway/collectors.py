"""Counters and histograms of the event loop's thread alone, read by Prometheus's scrape on that thread.

prometheus_client's own may be used from any thread: their locks and checks cost more than counting.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

Labels = tuple[str | int, ...]


class Counts(dict[Labels, float]):
    """Counts by label values; 0 for what was not counted yet. `begun_s` has when each began (Unix time)."""

    def __init__(self) -> None:
        super().__init__()
        self.begun_s: dict[Labels, float] = {}

    def __missing__(self, labels: Labels) -> float:
        self.begun_s[labels] = time.time()
        return 0


class FastCounter(Collector):
    """A counter with labels: add to `counts[label values]`."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry
    ) -> None:
        self.counts: Final = Counts()
        self._name = name
        self._documentation = documentation
        self._labels = labels
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What was counted so far."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, count in self.counts.items():
            family.add_metric([str(value) for value in labels], count, self.counts.begun_s[labels])
        yield family


class Distribution:
    """How often values fell below each bound and above the last, and their sum."""

    __slots__ = ("_bounds", "begun_s", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.begun_s = time.time()

    def observe(self, value: float) -> None:
        """One more value; a bound belongs to what is below it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class FastHistogram(Collector):
    """A histogram, by the values of its labels if it has any."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        bounds: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._bounds = bounds
        self._bound_texts = (*(str(float(bound)) for bound in bounds), "+Inf")
        self._of: dict[Labels, Distribution] = {}
        registry.register(self)

    def of(self, *labels: str) -> Distribution:
        """Where to report values with these labels."""
        found = self._of.get(labels)
        if found is None:
            found = self._of[labels] = Distribution(self._bounds)
        return found

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What was observed so far."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, observed in self._of.items():
            values = [str(value) for value in labels]
            below = 0
            buckets = []
            for bound, count in zip(self._bound_texts, observed.counts, strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric(values, buckets, observed.total)
            family.add_sample(
                f"{self._name}_created", dict(zip(self._labels, values, strict=True)), observed.begun_s
            )
        yield family
