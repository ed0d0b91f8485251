"""What the gateway counts itself is scraped byte for byte as prometheus_client's own would be."""

from collections.abc import Callable
from random import Random

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from pulumi_groq.gateway.collectors import FastCounter, FastHistogram

NOW_S = 1_795_000_000.25
BOUNDS_S = (0.0001, 0.5, 1, 60)


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> tuple[CollectorRegistry, CollectorRegistry]:
    """One for prometheus_client's own, one for ours, at a moment that stands still."""
    monkeypatch.setattr("time.time", lambda: NOW_S)
    return CollectorRegistry(), CollectorRegistry()


@pytest.mark.parametrize("count", [0, 1, 200])
def test_counters_are_scraped_alike(
    registries: tuple[CollectorRegistry, CollectorRegistry], count: int
) -> None:
    """In the order in which labels were first seen, escaped, with the time of the first count."""
    theirs, ours = registries
    counter = Counter("a_requests", "All.", ("route", "status"), registry=theirs)
    collector = FastCounter("a_requests", "All.", ("route", "status"), registry=ours)
    random = Random(count)  # noqa: S311 (a test that repeats)
    for _ in range(count):
        route, status = random.choice(['a"\n\\', "b", ""]), random.choice([200, 404])
        amount = random.choice([0, 1, 2.5, 10**15])
        counter.labels(route, status).inc(amount)
        collector.counts[route, status] += amount
    assert generate_latest(ours) == generate_latest(theirs)


@pytest.mark.parametrize("labels", [(), ("model",)])
@pytest.mark.parametrize("count", [0, 1, 200])
def test_histograms_are_scraped_alike(
    registries: tuple[CollectorRegistry, CollectorRegistry], labels: tuple[str, ...], count: int
) -> None:
    """A bound belongs to what is below it; without labels there is a histogram from the beginning."""
    theirs, ours = registries
    histogram = Histogram("a_seconds", "Time.", labels, buckets=BOUNDS_S, registry=theirs)
    collector = FastHistogram("a_seconds", "Time.", labels, bounds=BOUNDS_S, registry=ours)
    random = Random(count)  # noqa: S311 (a test that repeats)
    observe: dict[str, tuple[Callable[[float], None], Callable[[float], None]]] = {}
    if not labels:
        observe = dict.fromkeys("ab", (histogram.observe, collector.of().observe))
    for _ in range(count):
        model = random.choice("ab")
        if model not in observe:
            observe[model] = (histogram.labels(model).observe, collector.of(model).observe)
        value = random.choice([*BOUNDS_S, 0, 1_000, random.random()])
        for tell in observe[model]:
            tell(value)
    assert generate_latest(ours) == generate_latest(theirs)
