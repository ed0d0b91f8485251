"""Findings about who may call what, and until when."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pulumi_groq.reports.phrases import counted, in_words, minute
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, ReviewedPlan, Rule, Severity, finding
from pulumi_groq.reports.settings import KeySettings, TeamSettings

SOON: Final = timedelta(days=7)
IN_USE: Final = timedelta(hours=24)


def access_widened(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key or team that exists gets models, or another team."""
    for old, new in (change.key(), change.team()):
        if old is None or new is None:
            continue
        added = _beyond(new, old)
        if added:
            whose = "The key" if isinstance(new, KeySettings) else "Every key of the team that lists them"
            yield finding(
                "access-widened",
                Severity.MEDIUM,
                change,
                plan,
                what=f"gains {', '.join(added)}",
                why=f"{whose} can call more models than before, at their prices.",
                todo="Check that the team asked for it, and that its budget fits the new prices.",
            )
    old, new = change.key()
    if old and new and old.team != new.team and "team" not in old.hidden | new.hidden:
        yield finding(
            "team-changed",
            Severity.MEDIUM,
            change,
            plan,
            what=f"moves from {_team(old)} to {_team(new)}",
            why="The team's models bound the key's, and its usage is booked under the new team.",
            todo="Check that both teams know.",
        )


def upstream_key_changed(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A team's traffic goes out with another key of the gateway's."""
    old, new = change.team()
    if old is None or new is None or "upstream_key" in old.hidden | new.hidden:
        return
    if old.upstream_key != new.upstream_key:
        names = (in_words("upstream_key", each.upstream_key) for each in (old, new))
        yield finding(
            "upstream-key-changed",
            Severity.MEDIUM,
            change,
            plan,
            what=f"upstream key: {' to '.join(names)}",
            why="The team's requests land in another Groq project, with its limits and its bill; files and "
            "batches that there are stay in the former one.",
            todo="Check that the project allows the team's models, and that its limits carry the load.",
        )


def access_narrowed(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key in use loses models."""
    old, new = change.key()
    if old is None or new is None:
        return
    lost = _beyond(old, new)
    if lost and in_use(change, plan):
        yield finding(
            "access-narrowed",
            Severity.MEDIUM,
            change,
            plan,
            what=f"loses {', '.join(lost)} while in use ({last_use(change, plan)})",
            why="Calls to them get 403 model_not_available as soon as the run is done.",
            todo="Check that the services that hold the key have moved to another model.",
        )


def key_disabled(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key in use is switched off, or one that was off comes back."""
    old, new = change.key()
    if old is None or new is None or old.disabled == new.disabled:
        return
    if new.disabled and in_use(change, plan):
        yield finding(
            "key-disabled",
            Severity.HIGH,
            change,
            plan,
            what=f"is disabled while in use ({last_use(change, plan)})",
            why="Its callers get 401 as soon as the run is done.",
            todo="Move its callers to another key first, unless the key has leaked.",
        )
    if old.disabled:
        yield finding(
            "access-widened",
            Severity.MEDIUM,
            change,
            plan,
            what="works again after having been disabled",
            why="Whoever still holds its value can call with it.",
            todo="Check why it was disabled; rotate it if its value may have leaked.",
        )


def expiry(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Finding]:
    """A key's end is set to the past or to the next days."""
    old, new = change.key()
    if new is None or new.expires_at is None or (old and old.expires_at == new.expires_at):
        return
    if new.expires_at <= plan.now:
        yield finding(
            "expiry-past",
            Severity.HIGH,
            change,
            plan,
            what=f"expires in the past ({minute(new.expires_at)})",
            why="The gateway refuses a time that is over, so the run would fail.",
            todo="Correct the year or the zone, or delete the key instead.",
        )
    elif new.expires_at - plan.now <= SOON:
        yield finding(
            "expiry-soon",
            Severity.MEDIUM,
            change,
            plan,
            what=f"expires within 7 days ({minute(new.expires_at)})",
            why="Its callers get 401 from then on.",
            todo="Check that its successor will be in their hands by then.",
        )


def in_use(change: PlannedChange, plan: ReviewedPlan, span: timedelta = IN_USE) -> bool:
    """Whether the change's live key is known to have served traffic within `span`."""
    key = plan.key_of(change)
    return key is not None and plan.live is not None and plan.live.used_within(key, span)


def last_use(change: PlannedChange, plan: ReviewedPlan) -> str:
    """When the change's live key was last used and how much, in words."""
    key, row = plan.key_of(change), plan.usage_of(change)
    if key is None or key.last_used_at is None:
        return "never used"
    today = f", {counted(row.requests_today, 'request')} today" if row else ""
    return f"last used {minute(key.last_used_at)}{today}"


def _team(settings: KeySettings) -> str:
    return f"team {settings.team}" if settings.team else "no team"


def _beyond(one: KeySettings | TeamSettings, other: KeySettings | TeamSettings) -> list[str]:
    """The models of `one` that `other` lacks; none if either list cannot be seen."""
    if "allowed_models" in one.hidden | other.hidden:
        return []
    return sorted(set(one.allowed_models) - set(other.allowed_models))


RULES: Final[tuple[Rule, ...]] = (
    access_widened,
    upstream_key_changed,
    access_narrowed,
    key_disabled,
    expiry,
)
