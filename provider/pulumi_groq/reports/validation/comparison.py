"""The validation of what is declared against what the gateway has: everything but the trial calls."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from pulumi_groq.access import Access
from pulumi_groq.models.ownership import Owned
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.team import Team
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.phrases import LABELS, dollars, in_words, share
from pulumi_groq.reports.settings import PolicySettings, Settings, TeamSettings, field_changes
from pulumi_groq.reports.stack_export import StackState
from pulumi_groq.reports.validation.checks import Check, Outcome
from pulumi_groq.reports.validation.keys import file_keys, stack_keys, strangers
from pulumi_groq.reports.validation.rights import rights


def compared(
    state: StackState | None, access: Access | None, live: Live, *, allow_unmanaged: bool = False
) -> tuple[Check, ...]:
    """Every declaration against the live state: of the stack, of the access file, or of both."""
    checks: list[Check] = []
    if state is not None:
        checks += stack_keys(state, live)
        checks += strangers(state, live, allow_unmanaged=allow_unmanaged)
    if access is not None:
        checks += file_keys(access, state, live)
    checks += teams(state, access, live)
    checks += policy(state, access, live)
    checks += rights(state, access, live, allow_unmanaged=allow_unmanaged)
    return tuple(checks)


TEAMS: Final = "teams"
POLICY: Final = "spending policy"
_ORGANISATION: Final = "organisation"
_REFRESH: Final = "pulumi up --refresh puts the declared settings back"
_DEPLOY: Final = "pulumi up --refresh applies the file"
_NOT_A_SETTING: Final = frozenset({"team_name", *Settings.model_fields})
_OF_A_TEAM: Final = tuple(name for name in TeamSettings.model_fields if name not in _NOT_A_SETTING)
_OF_THE_POLICY: Final = ("monthly_cap_usd", "budgets", "alert_thresholds_usd", "auto_pause")
_FILE: Final = "as in the access file"
_STACK: Final = "as in the stack"


def teams(state: StackState | None, access: Access | None, live: Live) -> Iterator[Check]:
    """Each declared team exists, set up as declared."""
    if state is not None:
        yield from _teams(state.teams, live, _STACK, _REFRESH)
        owners = {team.name: team for team in live.teams}
        for team in state.teams:
            yield from _owner(TEAMS, team.team_name, state, owners.get(team.team_name))
    if access is not None:
        declared = [
            TeamSettings.read({**team.model_dump(include=set(_OF_A_TEAM)), "team_name": team.name})
            for team in access.teams
        ]
        yield from _teams(declared, live, _FILE, _DEPLOY)


def _teams(declared: Iterable[TeamSettings], live: Live, check: str, todo: str) -> Iterator[Check]:
    found = {team.name: team for team in live.teams}
    for team in declared:
        there = found.get(team.team_name)
        seen = [name for name in _OF_A_TEAM if name not in team.hidden]
        if not seen:
            continue
        if there is None:
            yield Check(TEAMS, team.team_name, check, Outcome.MISMATCH, "missing", todo)
            continue
        both = [(name, _ordered(name, team), _ordered(name, there)) for name in seen]
        differing = [
            f"{LABELS[name]}: declared {in_words(name, wanted, unset_limit=team.unset_limit)}; "
            f"live {in_words(name, now, unset_limit=team.unset_limit)}"
            for name, wanted, now in both
            if wanted != now
        ]
        if differing:
            detail = f"changed: {'; '.join(differing)}"
            yield Check(TEAMS, team.team_name, check, Outcome.MISMATCH, detail, todo)
        else:
            alike = ", ".join([*sorted(team.allowed_models), *sorted(team.allowed_tools)])
            yield Check(TEAMS, team.team_name, check, Outcome.OK, alike)


def _ordered(name: str, team: TeamSettings | Team) -> Any:
    value = getattr(team, name)
    return sorted(value) if name in ("allowed_models", "allowed_tools") else value


def _owner(section: str, name: str, state: StackState, there: Owned | None) -> Iterator[Check]:
    """Told only where another stack has taken over what this one declares."""
    if there is not None and state.managed_by and there.managed_by not in (None, state.managed_by):
        detail = f"taken over: {there.managed_by} owns it, this stack ({state.managed_by}) declares it too"
        todo = "declare it in one stack: remove it here, or set adopt_existing to take it back"
        yield Check(section, name, "owner", Outcome.MISMATCH, detail, todo)


def policy(state: StackState | None, access: Access | None, live: Live) -> Iterator[Check]:
    """The declared policy is in force; without a declared one, none is."""
    if state is not None:
        yield from _policy(state.policy, live, _STACK, _REFRESH)
        yield from _owner(POLICY, _ORGANISATION, state, live.policy if state.policy else None)
    if access is not None:
        declared = access.spend_policy
        shown = set(_OF_THE_POLICY)
        read = PolicySettings.read(declared.model_dump(include=shown)) if declared else None
        yield from _policy(read, live, _FILE, _DEPLOY)


def _policy(declared: PolicySettings | None, live: Live, check: str, todo: str) -> Iterator[Check]:
    if declared is None and live.policy is None:
        return
    if declared is None:
        detail = "another stack's, or unmanaged: it is in force, but not declared here"
        yield Check(POLICY, _ORGANISATION, check, Outcome.SKIPPED, detail)
        return
    if live.policy is None:
        yield Check(POLICY, _ORGANISATION, check, Outcome.MISMATCH, "missing: no cap is in force", todo)
        return
    differing = list(_differences(declared, live.policy))
    if differing:
        detail = f"changed: {'; '.join(differing)}"
        yield Check(POLICY, _ORGANISATION, check, Outcome.MISMATCH, detail, todo)
    else:
        yield Check(POLICY, _ORGANISATION, check, Outcome.OK, _status(live.policy))


def _differences(declared: PolicySettings, live: SpendPolicy) -> Iterator[str]:
    seen = PolicySettings.read(live.model_dump(include=set(_OF_THE_POLICY)))
    for each in field_changes(seen, declared):
        if each.field in _OF_THE_POLICY and not each.new_hidden:
            now, wanted = in_words(each.field, each.old), in_words(each.field, each.new)
            yield f"{LABELS[each.field]}: declared {wanted}, live {now}"
    if "alert_webhook_signing_secret" in declared.hidden and not live.alert_webhook_signed:
        yield "alerts are declared to be signed and are not"


def _status(live: SpendPolicy) -> str:
    part = float(live.status.spent_usd / (live.monthly_cap_usd or Decimal(1)))
    paused = ", and the organisation is paused" if live.status.paused else ""
    return (
        f"{dollars(live.status.spent_usd)} of {dollars(live.monthly_cap_usd)} spent ({share(part)}){paused}"
    )
