"""The reference stack: declares what the access file holds and hands out the keys' values.

The file is `access.<stack>.yaml` beside this program where that exists, else `access.yaml`;
`pulumi config set groq:accessFile FILE` names another one.
"""

from pathlib import Path

import pulumi

from pulumi_groq import GroqApiKey, GroqSpendPolicy, GroqTeam
from pulumi_groq.access import DeclaredKey, DeclaredSpendPolicy, load_access
from pulumi_groq.errors import AccessFileError

HERE = Path(__file__).parent
config = pulumi.Config("groq")


def access_file() -> Path:
    """The access file of this stack."""
    of_the_stack = f"access.{pulumi.get_stack()}.yaml"
    usual = of_the_stack if (HERE / of_the_stack).exists() else "access.yaml"
    return HERE / (config.get("accessFile") or usual)


def api_key(key: DeclaredKey, team: GroqTeam) -> GroqApiKey:
    """The resource for one declared key."""
    settings = key.model_dump(mode="json", exclude_none=True, exclude={"name", "team", "reason", "line"})
    settings.setdefault("allow_delete_in_use", config.get_bool("allowDeleteInUse"))
    return GroqApiKey(key.name, team=team.team_name, **settings)


def spend_policy(policy: DeclaredSpendPolicy) -> GroqSpendPolicy:
    """The resource for the spending policy; where its alerts go comes from the stack's configuration."""
    return GroqSpendPolicy(
        "spend-policy",
        **policy.model_dump(
            mode="json", include={"monthly_cap_usd", "alert_thresholds_usd", "auto_pause"}, exclude_none=True
        ),
        alert_webhook_urls=config.get_secret_object("alertWebhookUrls"),
        alert_webhook_signing_secret=config.get_secret("alertWebhookSigningSecret"),
    )


def main() -> None:
    """Declare everything in the access file, or end with one line for each problem in it."""
    try:
        access = load_access(access_file())
    except AccessFileError as error:
        raise pulumi.RunError(str(error)) from None
    for warning in access.warnings:
        pulumi.warn(warning)
    teams = {team.name: GroqTeam(team.name, allowed_models=team.allowed_models) for team in access.teams}
    keys = {key.name: api_key(key, teams[key.team]) for key in access.keys}
    if access.spend_policy:
        spend_policy(access.spend_policy)
    pulumi.export("key_ids", {name: key.key_id for name, key in keys.items()})
    pulumi.export("api_keys", {name: key.api_key for name, key in keys.items()})


main()
