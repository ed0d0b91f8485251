"""What a run takes over, beside what is served of it: a create to the engine, a change to its users."""

from dataclasses import replace
from typing import Any

from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.spend_policy import SECRET_CHANGES, SpendPolicy
from pulumi_groq.models.team import Team
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.engine_state import HIDDEN
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.settings import (
    SETTINGS,
    AdminKeySettings,
    IdentitySettings,
    KeySettings,
    PolicySettings,
    Settings,
    TeamSettings,
    field_changes,
)

Served = ApiKey | AdminKey | Team | SpendPolicy | WorkloadIdentity


def beside_live(change: PlannedChange, live: Live | None) -> PlannedChange:
    """`change`; where it takes over what exists, with that as its old settings if the gateway tells."""
    new = change.new
    if new is None or change.operation != "create" or not (new.adopt_existing or _adopts_key(new)):
        return change
    served = served_for(new, live) if live is not None else None
    if served is None:
        told = live is not None and (change.kind != "GroqWorkloadIdentity" or live.identities is not None)
        return replace(change, takes_over=_adopts_key(new) or (False if told else None))
    old = SETTINGS[change.kind].read(_properties(served))
    key = served if isinstance(served, ApiKey) else None
    return replace(
        change,
        old=old,
        fields=field_changes(old, new),
        key_id=key.id if key else None,
        generation=key.generation if key else change.generation,
        takes_over=True,
    )


def _adopts_key(new: Settings) -> bool:
    if not isinstance(new, KeySettings | AdminKeySettings):
        return False
    return new.adopt_key_id is not None or "adopt_key_id" in new.hidden


def served_for(new: Settings | None, live: Live) -> Served | None:
    """What the gateway has already of what `new` declares: the key that it adopts, or what has its name."""
    match new:
        case KeySettings():
            return live.keys_by_id.get(new.adopt_key_id or "")
        case AdminKeySettings():
            return next((each for each in live.admin_keys or () if each.id == new.adopt_key_id), None)
        case TeamSettings():
            return next((each for each in live.teams if each.name == new.team_name), None)
        case IdentitySettings():
            return next((each for each in live.identities or () if each.name == new.identity_name), None)
        case PolicySettings():
            return live.policy
    return None


def _properties(served: Served) -> dict[str, Any]:
    """What is served, named as its declaration names it; where alerts go stays as secret as there."""
    properties = served.model_dump(mode="json")
    match served:
        case ApiKey():
            properties["disabled"] = served.status == "disabled"
        case Team():
            properties["team_name"] = served.name
        case WorkloadIdentity():
            properties["identity_name"] = served.name
        case SpendPolicy():
            posted, signed = served.alert_webhooks_digest is not None, served.alert_webhook_signed
            properties |= dict.fromkeys(SECRET_CHANGES)
            properties |= {"alert_webhook_urls": HIDDEN} if posted or served.alert_webhook_urls else {}
            properties |= {"alert_webhook_signing_secret": HIDDEN} if signed else {}
    return properties
