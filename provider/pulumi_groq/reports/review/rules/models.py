"""Findings about models that Groq has retired, or that nobody can be charged for."""

from collections.abc import Iterator, Sequence
from typing import Final

from pulumi_groq.catalogue import Retirement, did_you_mean
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import KeySettings, TeamSettings


def retired(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or team is given a model that Groq has retired or is about to.

    A model that it already had matters less, and so does one that stays in service for enterprise plans.
    """
    given, before = _models(change)
    for model_id in given:
        model = plan.catalogue.get(model_id)
        retirement = model.retirement if model else None
        if retirement is None:
            continue
        gone = retirement.retired_on <= plan.now.date()
        severity = Severity.HIGH if gone and retirement.audience == "all" else Severity.MEDIUM
        yield finding(
            "model-retired",
            Severity.LOW if model_id in before else severity,
            change,
            plan,
            what=f"lists {model_id}, which Groq {_tense(retirement, gone)}",
            why=_why(retirement),
            todo=_instead(plan.catalogue.in_service(retirement.replacements)),
        )


def unpriced(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or team is given a model without a price: the gateway refuses that."""
    given, before = _models(change)
    for model_id in given:
        known_here = plan.catalogue.is_priced(model_id)
        known_there = plan.live is not None and model_id in plan.live.priced
        if model_id in before or known_there or (known_here and plan.live is None):
            continue
        where = "the gateway's price list" if plan.live else "the price list"
        meant = did_you_mean(model_id, plan.live.priced if plan.live else plan.catalogue.priced)
        yield finding(
            "model-unpriced",
            Severity.HIGH,
            change,
            plan,
            what=f"lists {model_id}, which has no price in {where}",
            why="The gateway refuses a key or team with it (400 model_not_priced), so the run would fail.",
            todo=f"Correct the model's id{meant}, or add its price to the gateway's price list first.",
        )


def _models(change: PlannedChange) -> tuple[list[str], frozenset[str]]:
    """The models that the change's resource is to have, and those it has."""
    for old, new in (change.key(), change.team()):
        if new is not None and "allowed_models" not in new.hidden:
            return new.allowed_models, _had(old)
    return [], frozenset()


def _had(old: KeySettings | TeamSettings | None) -> frozenset[str]:
    return frozenset(old.allowed_models) if old else frozenset()


def _tense(retirement: Retirement, gone: bool) -> str:
    return f"{'retired' if gone else 'retires'} on {retirement.retired_on}{retirement.for_whom}"


def _why(retirement: Retirement) -> str:
    spared = "" if retirement.audience == "all" else ", except on enterprise plans"
    return f"Calls to it fail at Groq from then on{spared}."


def _instead(replacements: Sequence[str]) -> str:
    if not replacements:
        return "Take it off the list."
    return f"Use {' or '.join(replacements)} instead."


RULES: Final[tuple[Rule, ...]] = (retired, unpriced)
