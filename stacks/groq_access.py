"""`GroqAccess`: everything that an access file declares, as one component over either kind of resources."""

from types import ModuleType
from typing import Any

import pulumi

from pulumi_groq.access import Access, DeclaredKey, DeclaredSpendPolicy, DeclaredTeam

TYPE = "groq:stacks:GroqAccess"
DYNAMIC_TYPES = "pulumi-python:dynamic/groq:"


class GroqAccess(pulumi.ComponentResource):
    """The teams, keys and spending policy of `access`, as `resources` declares them.

    :param resources: `pulumi_groq` for the dynamic resources, `pulumi_groq_sdk` for those of the plugin;
        both spell their arguments alike.
    :param alert_webhook_urls: Where the spending policy's alerts go; a secret.
    :param alert_webhook_signing_secret: What signs them; a secret.
    :param allow_delete_in_use: Whether keys in use are deleted, where the file does not say.

    Outputs: `key_ids`, and `api_keys` (secrets), both by the keys' names.
    """

    def __init__(
        self,
        name: str,
        access: Access,
        resources: ModuleType,
        *,
        alert_webhook_urls: pulumi.Input[list[str]] | None = None,
        alert_webhook_signing_secret: pulumi.Input[str] | None = None,
        allow_delete_in_use: bool | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, name, opts=opts)
        self._resources = resources
        self._allow_delete_in_use = allow_delete_in_use
        teams = {team.name: self._team(team) for team in access.teams}
        keys = {key.name: self._key(key, teams[key.team]) for key in access.keys}
        if access.spend_policy:
            self._spend_policy(access.spend_policy, alert_webhook_urls, alert_webhook_signing_secret)
        self.key_ids = {name: key.key_id for name, key in keys.items()}
        self.api_keys = {name: key.api_key for name, key in keys.items()}
        self.register_outputs({"key_ids": self.key_ids, "api_keys": self.api_keys})

    def _team(self, team: DeclaredTeam) -> Any:
        return self._declare("GroqTeam", team.name, _settings(team))

    def _key(self, key: DeclaredKey, team: Any) -> Any:
        usual = {"allow_delete_in_use": self._allow_delete_in_use}
        return self._declare("GroqApiKey", key.name, {**usual, **_settings(key), "team": team.team_name})

    def _spend_policy(
        self,
        policy: DeclaredSpendPolicy,
        urls: pulumi.Input[list[str]] | None,
        secret: pulumi.Input[str] | None,
    ) -> Any:
        alerts = {"alert_webhook_urls": urls, "alert_webhook_signing_secret": secret}
        return self._declare("GroqSpendPolicy", "spend-policy", {**_settings(policy), **alerts})

    def _declare(self, kind: str, name: str, settings: dict[str, Any]) -> Any:
        # A stack from before this component, or from before the plugin, moves in with nothing replaced.
        former = [
            pulumi.Alias(parent=None),
            pulumi.Alias(type_=f"{DYNAMIC_TYPES}{kind}"),
            pulumi.Alias(type_=f"{DYNAMIC_TYPES}{kind}", parent=None),
        ]
        resource = getattr(self._resources, kind)
        return resource(name, **settings, opts=pulumi.ResourceOptions(parent=self, aliases=former))


def _settings(declared: DeclaredTeam | DeclaredKey | DeclaredSpendPolicy) -> dict[str, Any]:
    """What is declared, without what an access file alone has and what it says by place."""
    return declared.model_dump(mode="json", exclude_none=True, exclude={"name", "team", "reason", "line"})
