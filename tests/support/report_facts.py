"""Facts for tests of reports: live keys, usage, previews and exports, each as small as its test needs."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pulumi_groq.access import read_access
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey, ApiKeyPage, EffectiveLimits
from pulumi_groq.models.history import UsageBucket
from pulumi_groq.models.model import ModelPage
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.team import Team, TeamPage
from pulumi_groq.models.usage import Usage
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review.comment import review_markdown
from pulumi_groq.reports.review.preview import Preview, read_preview
from pulumi_groq.reports.review.report import review

CATALOGUE = Catalogue.load()
RECORDED = ("created", "changed", "rotated", "refused", "unchanged")
GOLDEN = Path(__file__).parents[1] / "reports" / "golden"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY_ID = "key_01000000000000000000000001"
OWNER = "organization/infra/dev"
TYPES = "pulumi-python:dynamic/groq:"
KEY: dict[str, Any] = {
    "name": "chatbot-prod",
    "allowed_models": ["openai/gpt-oss-20b"],
    "managed_by": OWNER,
    "declared_as": "chatbot-prod",
    "disabled": False,
    "allow_delete_in_use": False,
}
POLICY: dict[str, Any] = {
    "monthly_cap_usd": 500,
    "alert_thresholds_usd": [100, 250, 400],
    "auto_pause": True,
}
ACCESS = b"""\
teams:
  chatbot:
    allowed_models: [openai/gpt-oss-120b, openai/gpt-oss-20b]
    keys:
      chatbot-prod:
        monthly_budget_usd: 200
        reason: Launch of the *new* assistant on 1 December, agreed with @finance.
spend_policy:
  monthly_cap_usd: 150
  reason: The trial is over.
"""
NO_USE = {"requests": 0, "tokens": 0, "cost_usd": 0}


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::infra::{TYPES}{kind}::{name}"


def step(
    operation: str,
    kind: str,
    name: str,
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A step of a preview, in the engine's shape: `old` is the state's outputs, `new` the inputs."""
    document: dict[str, Any] = {"op": operation, "urn": urn(kind, name), "detailedDiff": None}
    if old is not None:
        outputs = (
            {**old, "key_id": KEY_ID, "lineage_id": KEY_ID, "generation": 1} if kind == "GroqApiKey" else old
        )
        document["oldState"] = {
            "type": TYPES + kind,
            "id": name,
            "inputs": dict(old),
            "outputs": dict(outputs),
        }
    if new is not None:
        document["newState"] = {"type": TYPES + kind, "inputs": dict(new)}
    return document


def key_step(operation: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    """A step on the key `chatbot-prod`: `old` and `new` are laid over its usual settings."""
    before = None if old is None else {**KEY, **old}
    after = None if new is None else {**KEY, **new}
    return step(operation, "GroqApiKey", "chatbot-prod", old=before, new=after)


def policy_step(
    operation: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A step on the spending policy: `old` and `new` are laid over its usual settings."""
    before = None if old is None else {**POLICY, **old}
    after = None if new is None else {**POLICY, **new}
    return step(operation, "GroqSpendPolicy", "spend-policy", old=before, new=after)


def taker(name: str, key: str = "chatbot-prod") -> dict[str, Any]:
    """A step on a resource of another package that takes a key's value."""
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    state = {
        "type": "pulumi-python:dynamic/vault:Secret",
        "inputs": {"value": unknown},
        "propertyDependencies": {"value": [urn("GroqApiKey", key)]},
    }
    return {"op": "update", "urn": f"urn:pulumi:dev::infra::{state['type']}::{name}", "newState": state}


def preview(*steps: Mapping[str, Any], **document: Any) -> Preview:
    """A preview of these steps."""
    return read_preview(json.dumps({"steps": steps, "changeSummary": {}, **document}), "preview.json")


def live_key(**fields: Any) -> ApiKey:
    """A live key: the one of KEY unless `fields` say otherwise."""
    key_id = fields.get("id", KEY_ID)
    document = {
        **{name: value for name, value in KEY.items() if name not in {"disabled", "allow_delete_in_use"}},
        "requests_per_minute": None,
        "tokens_per_minute": None,
        "requests_per_day": None,
        "tokens_per_day": None,
        "max_parallel_requests": None,
        "monthly_budget_usd": None,
        "expires_at": None,
        "team": None,
        "metadata": {},
        "id": key_id,
        "replaces": None,
        "lineage_id": key_id,
        "generation": 1,
        "status": "active",
        "last_four": "wxyz",
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:00Z",
        "last_used_at": None,
        **fields,
    }
    defaults = {"requests_per_minute": 1000, "tokens_per_minute": 250_000}
    document.setdefault(
        "effective_limits",
        {
            name: None if document[name] == "unlimited" else document[name] or defaults.get(name)
            for name in EffectiveLimits.model_fields
        },
    )
    return ApiKey.model_validate_json(json.dumps(document))


def usage_row(key_id: str = KEY_ID, name: str = "chatbot-prod", **fields: Any) -> dict[str, Any]:
    """A key's row of the usage answer."""
    row = {
        "key_id": key_id,
        "key_name": name,
        "team": None,
        "requests_today": 0,
        "tokens_today": 0,
        "estimated_cost_usd": 0,
        "last_used_at": None,
        "month_to_date": NO_USE,
    }
    return {**row, **fields}


def live_policy(spent_usd: float = 0, **fields: Any) -> SpendPolicy:
    """The spending policy as the gateway shows it."""
    settings = {**POLICY, **fields}
    status = {
        "month": "2026-11",
        "spent_usd": spent_usd,
        "remaining_usd": settings["monthly_cap_usd"] - spent_usd,
        "paused": False,
        "alerts_sent": [],
    }
    document = {
        "alert_webhook_urls": [],
        "alert_webhook_signed": False,
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:00Z",
        "status": status,
        **settings,
    }
    return SpendPolicy.model_validate_json(json.dumps(document))


def team(name: str, *models: str, managed_by: str | None = None) -> Team:
    """A live team."""
    made = "2026-11-01T00:00:00Z"
    settings = {"name": name, "allowed_models": models, "managed_by": managed_by}
    document = {**settings, "created_at": made, "updated_at": made}
    return Team.model_validate_json(json.dumps(document))


def live(
    *keys: ApiKey,
    usage: Sequence[Mapping[str, Any]] = (),
    policy: SpendPolicy | None = None,
    teams: Sequence[Team] = (),
    admin_keys: Sequence[AdminKey] | None = (),
    identities: Sequence[WorkloadIdentity] | None = (),
    team_usage: Sequence[Mapping[str, Any]] = (),
    organisation_usage: Sequence[Mapping[str, Any]] = (),
    today_by_model: Sequence[UsageBucket] = (),
    month_by_model: Sequence[UsageBucket] = (),
) -> Live:
    """The gateway's facts at NOON; it has a price for every model of the shipped catalogue that has one."""
    spent = policy.status.spent_usd if policy else 0
    totals = {**NO_USE, "cost_usd": float(spent)}
    told = {
        "as_of": NOON.isoformat(),
        "month": "2026-11",
        "usage_by_key": usage,
        "usage_by_team": team_usage,
        "budgets": organisation_usage,
        "month_to_date": totals,
    }
    models = [{"id": model.id, "created": 0, "owned_by": "x"} for model in CATALOGUE.models if model.prices]
    return Live(
        NOON,
        keys,
        tuple(teams),
        policy,
        Usage.model_validate_json(json.dumps(told)),
        tuple(ModelPage.model_validate_json(json.dumps({"data": models})).data),
        admin_keys,
        identities,
        today_by_model,
        month_by_model,
    )


def budget_use(per: str, budget_usd: float, spent_usd: float, model: str | None = None) -> dict[str, Any]:
    """A budget and what is spent of it, as usage shows it."""
    return {
        "per": per,
        "model": model,
        "budget_usd": budget_usd,
        "spent_usd": spent_usd,
        "remaining_usd": round(budget_usd - spent_usd, 6),
        "resets_at": "2026-12-01T00:00:00Z",
    }


def live_admin_key(number: int = 1, **fields: Any) -> AdminKey:
    """A live admin key: a viewer's, unless `fields` say otherwise."""
    made, key_id = "2026-11-01T00:00:00Z", f"adm_{number:026}"
    document = {
        "id": key_id,
        "name": "preview",
        "role": "viewer",
        "status": "active",
        "last_four": "AbCd",
        "replaces": None,
        "lineage_id": key_id,
        "generation": 1,
        "created_at": made,
        "updated_at": made,
        "last_used_at": None,
        **fields,
    }
    return AdminKey.model_validate_json(json.dumps(document))


def live_identity(name: str = "deploy", **fields: Any) -> WorkloadIdentity:
    """A live workload identity: a viewer's, unless `fields` say otherwise."""
    made = "2026-11-01T00:00:00Z"
    document = {
        "id": f"wid_{name}",
        "name": name,
        "issuer": "https://i.example.com",
        "audience": "a",
        "claims": {"sub": "s"},
        "admin_role": "viewer",
        "created_at": made,
        "updated_at": made,
        **fields,
    }
    return WorkloadIdentity.model_validate_json(json.dumps(document))


def recorded_preview(name: str) -> Preview:
    """A preview that the real engine wrote."""
    return read_preview((GOLDEN / f"{name}.preview.json").read_text(), name)


def recorded_live(name: str) -> Live:
    """What the real gateway answered when that preview was made."""
    answers = json.loads((GOLDEN / f"{name}.live.json").read_text())
    text = {part: json.dumps(answer) for part, answer in answers.items()}
    page = ApiKeyPage.model_validate_json(text["api_keys"])
    return Live(
        page.as_of,
        tuple(page.data),
        tuple(TeamPage.model_validate_json(text["teams"]).data),
        None if "error" in answers["spend_policy"] else SpendPolicy.model_validate_json(text["spend_policy"]),
        Usage.model_validate_json(text["usage"]),
        tuple(ModelPage.model_validate_json(text["models"]).data),
    )


def recorded_review(name: str, *, offline: bool = False) -> str:
    """The review of a recorded preview as Markdown, beside the reasons that ACCESS gives."""
    made = review(
        recorded_preview(name),
        catalogue=CATALOGUE,
        live="The gateway was not asked." if offline else recorded_live(name),
        now=NOON,
        access=read_access(ACCESS, "access.yaml"),
    )
    return review_markdown(made)
