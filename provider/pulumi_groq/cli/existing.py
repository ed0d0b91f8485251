"""What a gateway holds already, as declarations that take it over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from pulumi_groq.models.admin_key import AdminKey, AdminKeySettings
from pulumi_groq.models.api_key import ApiKey, ApiKeySettings
from pulumi_groq.models.markers import SECRET, marked
from pulumi_groq.models.spend_policy import SpendPolicy, SpendPolicySettings
from pulumi_groq.models.team import Team, TeamSettings
from pulumi_groq.models.workload_identity import WorkloadIdentity, WorkloadIdentitySettings

WITHOUT_TEAM: Final = "without-team"
_KEY_FIELDS: Final = frozenset(ApiKeySettings.model_fields) - {"team"}
_WEBHOOKS: Final = "it is a secret: give it to the stack as {} before its first run"


@dataclass
class Existing:
    """What is to be declared; `left_out` says what is not, and why, a line each."""

    teams: dict[str, dict[str, Any]] = field(default_factory=dict)
    spend_policy: dict[str, Any] | None = None
    admin_keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    workload_identities: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    adopted: int = 0


def existing(keys: Sequence[ApiKey], teams: Sequence[Team], policy: SpendPolicy | None) -> Existing:
    """Everything that no stack declares yet: keys as adoptions, below their teams.

    Of a lineage only the newest key is taken over. Keys of no team come below one of their own, for an
    access file has keys in teams only.
    """
    found = Existing()
    elsewhere = {team.name for team in teams if team.managed_by is not None}
    for team in teams:
        if team.managed_by is None:
            found.teams[team.name] = {**_of_team(team), "keys": {}}
        else:
            found.left_out.append(f"team {team.name}: {team.managed_by} declares it")
    replaced = {key.replaces for key in keys}
    taken: set[str] = set()
    for key in sorted(keys, key=lambda key: key.id):
        why = _why_not(key, replaced, taken, found)
        if why:
            found.left_out.append(f"key {key.name} ({key.id}): {why}")
            continue
        taken.add(key.name)
        _team_for(key, found, elsewhere)["keys"][key.name] = {**_of_key(key), "adopt_key_id": key.id}
        found.adopted += 1
    if policy is not None:
        _take_over_policy(policy, found)
    found.teams = {name: _without_empty(team) for name, team in found.teams.items()}
    return found


def _take_over_policy(policy: SpendPolicy, found: Existing) -> None:
    if policy.managed_by is not None:
        found.left_out.append(f"the spending policy: {policy.managed_by} declares it")
        return
    found.spend_policy = _set(policy, SpendPolicySettings, but=marked(SpendPolicySettings, SECRET))
    if policy.alert_webhooks_digest is not None:
        found.left_out.append(f"where alerts go: {_WEBHOOKS.format('groq:alertWebhookUrls')}")
    if policy.alert_webhook_signed:
        found.left_out.append(f"what signs alerts: {_WEBHOOKS.format('groq:alertWebhookSigningSecret')}")


def take_over_rights(
    admin_keys: Sequence[AdminKey], identities: Sequence[WorkloadIdentity], found: Existing
) -> None:
    """Add to `found` the admin keys and workload identities that no stack declares."""
    replaced = {key.replaces for key in admin_keys}
    for key in admin_keys:
        why = _why_not_admin(key, replaced, found)
        if why:
            found.left_out.append(f"admin key {key.name} ({key.id}): {why}")
        else:
            found.admin_keys[key.name] = {**_set(key, AdminKeySettings), "adopt_key_id": key.id}
    for identity in identities:
        if identity.managed_by is None:
            found.workload_identities[identity.name] = _set(identity, WorkloadIdentitySettings)
        else:
            found.left_out.append(f"workload identity {identity.name}: {identity.managed_by} declares it")


def _why_not_admin(key: AdminKey, replaced: set[str | None], found: Existing) -> str | None:
    if key.managed_by is not None:
        return f"{key.managed_by} declares it"
    if key.id in replaced:
        return "a rotation gave it a successor"
    if key.status == "expired":
        return "it has expired"
    return "an older admin key has its name" if key.name in found.admin_keys else None


def _set(made: BaseModel, settings: type[BaseModel], *, but: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of `settings` that `made` sets, without those in `but`."""
    included = set(settings.model_fields) - but
    written = made.model_dump(mode="json", exclude_none=True, include=included)
    return {name: value for name, value in written.items() if value not in ({}, [])}


def _why_not(key: ApiKey, replaced: set[str | None], taken: set[str], found: Existing) -> str | None:
    if key.managed_by is not None:
        return f"{key.managed_by} declares it"
    if key.id in replaced:
        return "a rotation gave it a successor"
    if key.name in taken:
        return "an older key has its name; delete one of them, or adopt it under another name by hand"
    if key.team is not None and key.team not in found.teams:
        return f"its team {key.team} is another stack's"
    return None


def _team_for(key: ApiKey, found: Existing, elsewhere: set[str]) -> dict[str, Any]:
    if key.team is not None:
        return found.teams[key.team]
    name = next(
        name
        for name in (WITHOUT_TEAM, *(f"{WITHOUT_TEAM}-{i}" for i in range(2, 1000)))
        if name not in elsewhere and (name not in found.teams or name in found.comments)
    )
    team = found.teams.setdefault(name, {"allowed_models": [], "allowed_tools": [], "keys": {}})
    found.comments[name] = "Keys that had no team: move each to the team that uses it."
    for bounds in ("allowed_models", "allowed_tools"):
        team[bounds] = sorted({*team[bounds], *getattr(key, bounds)})
    return team


def _of_key(key: ApiKey) -> dict[str, Any]:
    written = key.model_dump(mode="json", exclude_none=True, include=set(_KEY_FIELDS))
    fields = {
        name: value for name, value in written.items() if value not in ({}, []) or name == "allowed_tools"
    }
    return {**fields, **({"disabled": True} if key.status == "disabled" else {})}


def _of_team(team: Team) -> dict[str, Any]:
    bounds = {"allowed_models": sorted(team.allowed_models), "allowed_tools": sorted(team.allowed_tools)}
    return {**_set(team, TeamSettings), **bounds}


def _without_empty(team: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in team.items() if value}
