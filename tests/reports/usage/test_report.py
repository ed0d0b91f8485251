"""What a usage report says, row by row."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from made_up_facts import NOON, UNLIMITED, bucket, facts, key, key_id, policy, today
from pulumi_groq.models.budgets import Per
from pulumi_groq.models.history import DenialBucket
from pulumi_groq.models.runaway import RunawayWatch
from pulumi_groq.models.usage import BudgetUse, TeamUsage
from pulumi_groq.reports.phrases import share
from pulumi_groq.reports.usage.cells import columns, money, summary
from pulumi_groq.reports.usage.report import NO_MODEL, NO_TEAM, Counts, UsageRow, usage_report

OLD = NOON - timedelta(days=40)


def rows(**fields: Any) -> dict[str, UsageRow]:
    return {row.name: row for row in usage_report(facts(**fields)).rows}


def cells(row: UsageRow, **fields: Any) -> dict[str, str]:
    return {column.heading: column.cell(row) for column in columns(usage_report(facts(**fields)))}


def test_every_live_key_has_a_row() -> None:
    """Also one without traffic; the dearest comes first."""
    found = usage_report(facts(keys=[key(1), key(2), key(3)], buckets=[bucket(2), bucket(3, cost_usd="2")]))
    assert [(row.name, row.counts.cost_micro_usd) for row in found.rows] == [
        ("key-3", 2_000_000),
        ("key-2", 1_000_000),
        ("key-1", 0),
    ]


def test_a_deleted_key_stays_in_its_month() -> None:
    """With what it used, and with what it was refused; so the sum is the month's."""
    denied = [DenialBucket(key_id=key_id(3), key_name="key-3", requests=4)]
    found = usage_report(facts(keys=[key(1)], buckets=[bucket(1), bucket(2)], denials=denied))
    noted = {row.name: (row.counts.denied, row.notes) for row in found.rows}
    assert noted == {"key-1": (0, ()), "key-2": (0, ("deleted",)), "key-3": (4, ("deleted",))}
    assert found.total == Counts(2, 200, 0, 100, 2_000_000, 4)


def test_a_budget_is_the_whole_lineages() -> None:
    """Generations share it, deleted ones too; the predecessor is marked."""
    first = {"lineage_id": key_id(1), "monthly_budget_usd": 10}
    keys = [key(2, generation=2, **first), key(3, generation=3, **first)]
    buckets = [bucket(number, lineage_id=key_id(1), cost_usd="2") for number in (1, 2, 3)]
    found = rows(keys=keys, buckets=buckets)
    budgets = [found[name].budget for name in ("key-2", "key-3")]
    assert [budget and budget.spent_micro_usd for budget in budgets] == [6_000_000] * 2
    assert [found[name].notes for name in ("key-1", "key-2", "key-3")] == [("deleted",), ("predecessor",), ()]


def use(per: Per, budget: str, spent: str, model: str | None = None) -> BudgetUse:
    left = Decimal(budget) - Decimal(spent)
    amounts = {"budget_usd": Decimal(budget), "spent_usd": Decimal(spent), "remaining_usd": left}
    return BudgetUse(per=per, model=model, resets_at=NOON, **amounts)


def test_what_is_left_of_a_keys_budgets_is_shown() -> None:
    """Of every window and model; what is overspent has nothing left."""
    budgets = [use("hour", "1", "1.5"), use("day", "5", "1.75"), use("month", "2", "0.5", "m")]
    used = today(1).model_copy(update={"budgets": budgets})
    asked = {"keys": [key(1)], "today": [used]}
    left = cells(rows(**asked)["key-1"], **asked)["Left"]
    assert left == "0.00 of 1.00 this hour, 3.25 of 5.00 today, m 1.50 of 2.00 this month"


def test_a_teams_row_shows_its_budgets() -> None:
    """Also of a team that has spent nothing; the month's with where it leads."""
    teams = [
        TeamUsage(team="chat", budgets=[use("week", "10", "4"), use("month", "20", "8")]),
        TeamUsage(team="idle", budgets=[use("day", "1", "0")]),
    ]
    asked = {"by": "team", "buckets": [bucket(team="chat", cost_usd="8")], "teams": teams}
    found = rows(**asked)
    shown = {name: cells(row, **asked) for name, row in found.items()}
    assert {name: (row["Left"], row["Budget"]) for name, row in shown.items()} == {
        "chat": ("6.00 of 10.00 this week, 12.00 of 20.00 this month", "40 % of 20.00"),
        "idle": ("1.00 of 1.00 today", ""),
    }


def test_the_organisations_budgets_stand_in_the_summary() -> None:
    """Not its cap, of which the lines above tell."""
    found = summary(usage_report(facts(budgets=[use("day", "5", "1.75"), use("month", "10", "4")])))
    assert "Spent 1.75 USD today: 3.25 of 5.00 left." in found
    assert len([line for line in found if line.startswith("Spent")]) == 1


def test_budgets_of_another_month_are_not_shown() -> None:
    """What is left now says nothing of it."""
    asked = {"month": "2026-10", "by": "team", "teams": [TeamUsage(team="t", budgets=[use("day", "1", "0")])]}
    found = usage_report(facts(**asked, budgets=[use("day", "5", "1")]))
    assert (found.rows, found.teams, found.budgets) == ((), (), ())


def test_the_tightest_limit_is_shown() -> None:
    """Of the limits per day that the key has."""
    limits = UNLIMITED.model_copy(update={"requests_per_day": 100, "tokens_per_day": 1_000})
    asked = {"keys": [key(1, effective_limits=limits)], "today": [today(1, requests=20, tokens=900)]}
    row = rows(**asked)["key-1"]
    assert cells(row, **asked)["Today's limit"] == "90 % of 1,000 tokens"


@pytest.mark.parametrize(
    ("created", "used", "notes"),
    [
        (OLD, NOON, ()),
        (OLD, NOON - timedelta(days=29, hours=23), ()),
        (OLD, NOON - timedelta(days=30), ("unused for 30 days",)),
        (OLD, None, ("never used in 40 days",)),
        (NOON - timedelta(days=29), None, ()),
    ],
)
def test_keys_unused_for_30_days_are_flagged(
    created: datetime, used: datetime | None, notes: tuple[str, ...]
) -> None:
    """Counted from the last use, or from the start of one that was never used."""
    found = usage_report(facts(keys=[key(1, created_at=created, last_used_at=used)]))
    assert (found.rows[0].notes, found.unused_keys) == (notes, len(notes))


def test_a_disabled_key_says_so() -> None:
    """So does an expired one."""
    found = rows(keys=[key(1, status="disabled"), key(2, status="expired")])
    assert (found["key-1"].notes, found["key-2"].notes) == (("disabled",), ("expired",))


def test_usage_without_a_team_has_a_row_of_its_own() -> None:
    """A team that is named so stays another one."""
    found = usage_report(facts("team", buckets=[bucket(team=None), bucket(team=NO_TEAM, cost_usd="2")]))
    assert [(row.id, row.name) for row in found.rows] == [(NO_TEAM, NO_TEAM), ("", NO_TEAM)]


def test_refusals_before_the_model_was_known_are_counted() -> None:
    """They have no model that could be listed."""
    denied = [DenialBucket(model="", requests=3), DenialBucket(model="m", requests=2)]
    found = rows(by="model", buckets=[bucket(model="m")], denials=denied)
    assert {name: row.counts.denied for name, row in found.items()} == {"m": 2, NO_MODEL: 3}


def test_days_come_in_their_order() -> None:
    """However dear they were; a day with nothing but refusals is one too."""
    days = [datetime(2026, 11, day, tzinfo=UTC).date() for day in (3, 2, 1)]
    buckets = [bucket(day=days[0], cost_usd="1"), bucket(day=days[1], cost_usd="9")]
    found = rows(by="day", buckets=buckets, denials=[DenialBucket(day=days[2], requests=1)])
    assert list(found) == ["2026-11-01", "2026-11-02", "2026-11-03"]


def test_a_month_that_is_over_leads_nowhere() -> None:
    """No limits of today, no budgets, no projection: they would be another month's."""
    limits = UNLIMITED.model_copy(update={"requests_per_day": 10})
    asked = {
        "month": "2026-10",
        "keys": [key(1, effective_limits=limits, monthly_budget_usd=5)],
        "buckets": [bucket(1)],
        "policy": policy(),
    }
    found = usage_report(facts(**asked))
    row = found.rows[0]
    assert (found.pace, row.limits, row.budget, row.projected_micro_usd) == (None, (), None, None)
    assert summary(found) == ("2026-10, a month that is over: 1 request, 150 tokens, 1.00 USD.",)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (
            policy(cap_usd="10", spent_usd="7.5"),
            "At this month's pace 10.00 USD by 2026-11-30: below the cap.",
        ),
        (
            policy(cap_usd="100", spent_usd="7.5"),
            "At this month's pace 10.00 USD by 2026-11-30: below the cap.",
        ),
        (policy(cap_usd="7", spent_usd="7.5"), "The cap is reached: new requests are refused."),
        (policy(cap_usd="7", spent_usd="7.5", auto_pause=False), "The cap is reached: it alerts only."),
        (None, "At this month's pace 0.00 USD by 2026-11-30."),
    ],
)
def test_the_summary_says_where_the_month_leads(made: Any, says: str) -> None:
    """In whole sentences."""
    assert says in summary(usage_report(facts(policy=made)))


@pytest.mark.parametrize(
    ("micro_usd", "text"),
    [(0, "0.00"), (1, "<0.01"), (9_999, "<0.01"), (10_000, "0.01"), (1_234_567_890_000, "1,234,567.89")],
)
def test_money_is_short_but_never_nothing(micro_usd: int, text: str) -> None:
    """What is little is not written as 0."""
    assert money(micro_usd) == text


@pytest.mark.parametrize(("part", "text"), [(0, "0 %"), (0.001, "<1 %"), (0.5, "50 %"), (12.5, "1250 %")])
def test_shares_are_per_cent(part: float, text: str) -> None:
    """More than all is said as it is."""
    assert share(part) == text


def test_a_paused_key_and_unusual_spend_are_noted() -> None:
    """A key says since when it is paused, and from twice the usual on how many times it is."""
    since = {"since": NOON - timedelta(minutes=5), "spent_usd": 30, "allowed_usd": 5, "resumes_at": None}

    def watch(spent_usd: int, usual_usd: int | None) -> RunawayWatch:
        usual = None if usual_usd is None else Decimal(usual_usd)
        return RunawayWatch(spent_usd=Decimal(spent_usd), usual_usd=usual, last_runaway_at=None, paused=None)

    keys = [key(1, status="paused", paused=since), key(2), key(3)]
    watched = [
        today(1, runaway=watch(30, None)),
        today(2, runaway=watch(9, 3)),
        today(3, runaway=watch(5, 3)),
    ]
    found = rows(keys=keys, today=watched)

    assert [found[f"key-{number}"].notes for number in (1, 2, 3)] == [
        ("paused since 2026-11-23 11:55 UTC",),
        ("3 times its usual spend now",),
        (),
    ]


def test_a_subject_of_an_identity_is_not_a_deleted_key() -> None:
    """Its row says what it is, and shows what is left for all of them."""
    used = today(9).model_copy(update={"identity": "app", "budgets": [use("day", "5", "1.75")]})
    asked = {"keys": [key(1)], "today": [used], "buckets": [bucket(9), bucket(3)]}
    found = rows(**asked)
    assert {name: row.notes for name, row in found.items()} == {
        "key-1": (),
        "key-9": ("workload identity",),
        "key-3": ("deleted",),
    }
    assert cells(found["key-9"], **asked)["Left"] == "3.25 of 5.00 today"
