"""Budgets of every level and window at once, held against a model that adds up all requests there were."""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import empty_store
from metering_bench import Bench, used
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.settled_spend import SettledSpend
from pulumi_groq.models.budgets import Per
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.limits import Demand, Quota
from pulumi_groq.policy.windows import PERIODS

MODELS = ("m-one", "m-two")
UNLIMITED = 10**9
KEYS = (("key_a", "chat"), ("key_b", "chat"), ("key_c", None))


def window_of(per: Per, at: datetime) -> tuple[int, ...]:
    """A name for the window, worked out anew."""
    match per:
        case "hour":
            return (at.year, at.month, at.day, at.hour)
        case "day":
            return (at.year, at.month, at.day)
        case "week":
            return at.isocalendar()[:2]
    return (at.year, at.month)


@dataclass
class Spent:
    """One request: what it costs, or has reserved."""

    lineage: str
    team: str | None
    model: str
    at: datetime
    cost: int
    reservation: Reservation | None


@dataclass(frozen=True)
class Rule:
    """A budget of whoever these names select; `None` is everybody."""

    lineage: str | None
    team: str | None
    model: str | None
    per: Per
    limit: int

    def covers(self, spent: Spent) -> bool:
        return (
            self.lineage in (None, spent.lineage)
            and self.team in (None, spent.team)
            and self.model in (None, spent.model)
        )


class World:
    """A metering, and the plain truth about it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.service = bench.open()
        self.requests: list[Spent] = []
        self.rules: frozenset[Rule] = frozenset()
        self.keys: dict[str, KeyAccess] = {}
        self.set_rules(())

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Other budgets from now on: the strictest of those that say the same."""
        strictest: dict[Any, Rule] = {}
        for rule in sorted(rules, key=lambda rule: -rule.limit):
            strictest[rule.lineage, rule.team, rule.model, rule.per] = rule
        self.rules = frozenset(strictest.values())
        cap = self._budgets(None, None, None)
        of_month = [budget.micro_usd for budget in cap if budget.per == "month"]
        self.bench.directory.organisation = OrganisationPolicy(
            cap_micro_usd=of_month[0] if of_month else UNLIMITED,
            alert_thresholds_micro_usd=(),
            auto_pause=True,
            budgets=tuple(budget for budget in cap if budget.per != "month"),
        )
        bounds = Bounds(Limits(), self._budgets(None, "chat", None))
        self.keys = {name: self._key(name, team, bounds) for name, team in KEYS}

    def _key(self, name: str, team: str | None, bounds: Bounds) -> KeyAccess:
        own = self._budgets(name, None, None)
        of_month = [budget.micro_usd for budget in own if budget.per == "month"]
        by_model = {
            model: Bounds(Limits(), budgets)
            for model in MODELS
            if (budgets := self._budgets(name, None, model))
        }
        key = KeyAccess(
            key_id=name,
            name=name,
            lineage_id=name,
            team=team,
            models=frozenset(MODELS),
            limits=Limits(),
            monthly_budget_micro_usd=of_month[0] if of_month else None,
            expires_at=None,
            disabled=False,
            budgets=tuple(budget for budget in own if budget.per != "month"),
            model_bounds=by_model,
        )
        return key if team is None else replace(key, team_bounds=bounds)

    def _budgets(self, lineage: str | None, team: str | None, model: str | None) -> tuple[Budget, ...]:
        return tuple(
            Budget(rule.per, rule.limit)
            for rule in sorted(self.rules, key=lambda rule: PERIODS.index(rule.per))
            if (rule.lineage, rule.team, rule.model) == (lineage, team, model)
        )

    async def admit(self, name: str, costs: dict[str, int]) -> None:
        """A request, or a batch of several models: admitted exactly where all budgets have room for it."""
        now = self.bench.clock.now()
        team = dict(KEYS)[name]
        asked = [Spent(name, team, model, now, cost, None) for model, cost in costs.items()]
        fits = all(
            rule.limit
            >= sum(
                each.cost
                for each in (*self.requests, *asked)
                if rule.covers(each) and window_of(rule.per, each.at) == window_of(rule.per, now)
            )
            for rule in self.rules
            if any(rule.covers(each) for each in asked)
        )
        demand = Demand(asked[0].model, 0, sum(costs.values()), costs if len(costs) > 1 else None)
        self.bench._requests += 1
        answer = await self.service.metering.admit(self.keys[name], demand, f"req_{self.bench._requests:06d}")
        assert isinstance(answer, Reservation) == fits, (answer, self.rules, self.requests)
        if isinstance(answer, Reservation):
            for each in asked:
                each.reservation = answer
            self.requests += asked

    async def settle(self, position: int, share: float) -> None:
        """One that runs ends and costs a part of what it reserved; a batch is charged to its first model."""
        running = [each for each in self.requests if each.reservation is not None]
        if not running:
            return
        one = running[position % len(running)]
        reservation = one.reservation
        assert reservation is not None
        parts = [each for each in self.requests if each.reservation is reservation]
        cost = int(parts[0].cost * share)
        await self.service.metering.settle(reservation, used(cost), 200)
        for part in parts:
            part.cost, part.reservation = 0, None
        parts[0].cost = cost

    async def restart(self) -> None:
        """The process is killed: what runs costs what it reserved, all of it by its first model."""
        self.service.ledger.close()
        for each in self.requests:
            reservation = each.reservation
            if reservation is not None:
                parts = [part for part in self.requests if part.reservation is reservation]
                total = sum(part.cost for part in parts)
                for part in parts:
                    part.cost, part.reservation = 0, None
                parts[0].cost = total
        self.service = self.bench.open()


COSTS = st.integers(1, 40)
RULES = st.lists(
    st.builds(
        lambda whose, per, limit: Rule(whose[0], whose[1], whose[2], per, limit),
        st.sampled_from(
            [
                (None, None, None),
                (None, "chat", None),
                *((name, None, model) for name, _ in KEYS for model in (None, *MODELS)),
            ]
        ),
        st.sampled_from(PERIODS),
        st.integers(20, 200),
    ).filter(lambda rule: rule.model is None or rule.per == "month"),
    max_size=8,
)
REQUESTS = st.tuples(
    st.just("admit"),
    st.sampled_from([name for name, _ in KEYS]),
    st.dictionaries(st.sampled_from(MODELS), COSTS, min_size=1, max_size=2),
)
STEPS = st.one_of(
    REQUESTS,
    REQUESTS,
    st.tuples(st.just("settle"), st.integers(0, 50), st.floats(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 60, 3_599, 3_600, 86_400, 7 * 86_400, 31 * 86_400])),
    st.tuples(st.just("rules"), RULES),
    st.tuples(st.just("flush")),
    st.tuples(st.just("restart")),
)
STARTS = st.sampled_from(
    [
        datetime.fromisoformat(text)
        for text in (
            "2026-11-26T12:00:00+00:00",
            "2026-11-29T23:59:59+00:00",  # a week and a day end
            "2026-11-30T23:59:59+00:00",  # a month ends within a week
            "2026-12-31T23:59:59+00:00",
            "2027-02-28T22:59:59+00:00",  # a week, then a month end
        )
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(start=STARTS, rules=RULES, steps=st.lists(STEPS, min_size=5, max_size=40))
def test_a_request_passes_exactly_where_every_budget_has_room(
    start: datetime, rules: list[Rule], steps: list[tuple[Any, ...]]
) -> None:
    """Whatever was spent, reserved, settled late, set in mid-window, or read back after a kill."""
    logging.getLogger("alembic").setLevel(logging.WARNING)

    async def scenario(folder: Path) -> None:
        bench = Bench(empty_store.open_at(folder / "gateway.db"), folder / "journal")
        bench.reservation_ttl_s = 10**9
        bench.clock.time = start
        world = World(bench)
        world.set_rules(rules)
        try:
            for step, *arguments in steps:
                match step:
                    case "admit":
                        await world.admit(*arguments)
                    case "settle":
                        await world.settle(*arguments)
                    case "wait":
                        bench.clock.time += timedelta(seconds=arguments[0])
                    case "rules":
                        world.set_rules(*arguments)
                    case "flush":
                        await world.service.upkeep()
                    case "restart":
                        await world.restart()
        finally:
            bench.close()
            bench.store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))


def test_a_budget_that_is_set_while_requests_run_counts_them(bench: Bench) -> None:
    """What they reserved until they are settled, then what they cost."""

    async def scenario() -> None:
        world = World(bench)
        await world.admit("key_a", {"m-one": 30})
        world.set_rules([Rule(None, "chat", None, "day", 50)])
        await world.admit("key_b", {"m-one": 21})
        await world.admit("key_b", {"m-one": 20})
        await world.settle(0, 0.5)
        await world.admit("key_b", {"m-one": 16})
        await world.admit("key_b", {"m-one": 15})
        assert [each.cost for each in world.requests] == [15, 20, 15]

    asyncio.run(scenario())


def test_a_limit_of_rate_has_no_spend() -> None:
    """What it counts is not money, and of no window: an answer would be made up."""
    with pytest.raises(ValueError, match="rpm:k is of no window"):
        SettledSpend().of(Quota("requests_per_minute", "rpm:k", "requests", 1, 60))
