"""Findings about limits and budgets of keys and teams, and the spending policy's."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from pydantic import BaseModel

from pulumi_groq.models.budgets import Bounded, misfits_of
from pulumi_groq.reports.phrases import LABELS, share
from pulumi_groq.reports.review.amounts import amounts_of
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.review.use import POLICY, use_of

_WHO: Final = {
    "GroqApiKey": "key",
    "GroqTeam": "team",
    "GroqWorkloadIdentity": "workload identity",
    POLICY: "organisation",
}
NEAR: Final = Decimal("0.8")
"""Use of at least this share of a limit counts as near it."""


def limit_raised(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A limit or budget grows beyond the factor that the reviewer set."""
    for amount in amounts_of(change, plan):
        old, new = amount.old, amount.new
        if old is None or new is None or new <= old * plan.raise_factor:
            continue
        times = f"{float(new / old):,.1f}".removesuffix(".0")
        yield finding(
            "limit-raised",
            Severity.MEDIUM,
            change,
            plan,
            what=f"{amount.label} raised {times} times: {amount.from_to}",
            why=f"More than {float(plan.raise_factor):g} times the old value.",
            todo=(
                "Check that whoever pays for it has agreed."
                if change.kind == POLICY
                else "Check that the team expects this load, and that the limits at Groq carry it."
            ),
        )


def limit_removed(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A limit that held becomes unlimited, or a budget goes."""
    for amount in amounts_of(change, plan):
        if amount.old is not None and amount.new is None and amount.is_endless:
            rest = "Only the other budgets and the organisation's cap hold then."
            bound = rest if amount.is_money else "Only budget and cap hold then."
            what = "spend the month's cap at once" if change.kind == POLICY else "take what all others need"
            yield finding(
                "limit-removed",
                Severity.HIGH,
                change,
                plan,
                what=f"{amount.label} removed: {amount.from_to}",
                why=f"{'The' if change.kind == POLICY else 'One'} {_WHO[change.kind]} can {what}. {bound}",
                todo="Set a high limit instead of none.",
            )


def near_limit_lowered(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A limit or budget is lowered to what is used of it already, or near that."""
    _, policy = change.policy()
    if plan.live is None or (policy is not None and not policy.auto_pause):  # then it refuses nothing
        return
    for amount in amounts_of(change, plan):
        old, new = amount.old, amount.new
        if new is None or (old is not None and new >= old):
            continue
        used = use_of(amount, change, plan.live)
        if used is None or used.amount < new * NEAR or used.amount <= 0:
            continue
        over = used.amount >= new
        if over and policy is not None and amount.per == "month":
            continue  # `cap_below_spend` says so
        yield finding(
            "limit-near-use",
            Severity.HIGH if over else Severity.MEDIUM,
            change,
            plan,
            what=f"{amount.label} lowered to {amount.in_words(new)}, {used.words}",
            why=(
                f"The {_WHO[change.kind]} is over the new limit already: its callers are refused as soon as "
                "the run is done."
                if over
                else f"The {_WHO[change.kind]} uses {share(float(used.amount / new))} of the new limit."
            ),
            todo=(
                "Set it above what is spent, or make the change once its window is over."
                if policy is not None
                else "Ask the team before lowering it, or lower it in steps."
            ),
        )


def share_raised(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or workload identity that exists gets a larger part of the upstream's limits, which the others
    lose.
    """
    old, new = change.user()
    if old is None or new is None or "share" in old.hidden | new.hidden:
        return
    was, becomes = old.share or 1, new.share or 1
    if becomes > was:
        yield finding(
            "share-raised",
            Severity.MEDIUM,
            change,
            plan,
            what=f"share of the upstream's limits raised: {was:,} to {becomes:,}",
            why="While the organisation's limits at the upstream are near, other keys get that much less.",
            todo="Check that those keys' teams know.",
        )


def above_its_team(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or workload identity declares more than its team has for all its keys: the run would fail."""
    old, new = change.user()
    if new is None or new.team is None or "team" in new.hidden:
        return
    changed = {each.field for each in change.fields}
    team = _team_after(new.team, plan)
    if team is None:
        return
    for path, problem in misfits_of(Bounded.of(new), Bounded.of(team), f"team {new.team}"):
        if old is None or "team" in changed or path[0] in changed:
            yield finding(
                "above-its-team",
                Severity.HIGH,
                change,
                plan,
                what=f"{' '.join([LABELS.get(path[0], path[0]), *path[1:]])} {problem}",
                why="The gateway refuses it (400 exceeds_team), so the run would fail.",
                todo="Lower it, or raise the team's.",
            )


def team_below_its_keys(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A team is lowered below what keys of it have that the run does not change."""
    old, new = change.team()
    if old is None or new is None or plan.live is None:
        return
    changing = {each.key_id for each in plan.changes}
    bounds = Bounded.of(new)
    above = [
        key.name
        for key in plan.live.keys
        if key.team == change.name
        and key.id not in changing
        and any(misfits_of(Bounded.of(key), bounds, "the team"))
        and not any(misfits_of(Bounded.of(key), Bounded.of(old), "the team"))
    ]
    if above:
        yield finding(
            "team-below-its-keys",
            Severity.MEDIUM,
            change,
            plan,
            what=f"has less for all its keys than {', '.join(sorted(above))} alone",
            why="What those keys declare is never reached: the team's holds, too.",
            todo="Lower the keys' limits as well, or keep the team's above them.",
        )


def _team_after(name: str, plan: ReviewedPlan) -> BaseModel | None:
    """The team's settings after the run, where they are known."""
    for change in plan.changes:
        _, new = change.team()
        if new is not None and change.name == name:
            return new
    teams = plan.live.teams if plan.live is not None else ()
    return next((team for team in teams if team.name == name), None)


RULES: Final[tuple[Rule, ...]] = (
    limit_raised,
    limit_removed,
    near_limit_lowered,
    above_its_team,
    team_below_its_keys,
    share_raised,
)
