"""`GroqAccess`: everything that an access file declares, as one component over either kind of resources."""

from types import ModuleType
from typing import Any

import pulumi

from pulumi_groq.access import Access, DeclaredIdentity, DeclaredKey, DeclaredSpendPolicy, arguments

TYPE = "groq:stacks:GroqAccess"
DYNAMIC_TYPES = "pulumi-python:dynamic/groq:"


class GroqAccess(pulumi.ComponentResource):
    """The teams, keys, spending policy, admin keys and workload identities of `access`, as `resources`
    declares them.

    :param resources: `pulumi_groq` for the dynamic resources, `pulumi_groq_sdk` for those of the plugin;
        both spell their arguments alike.
    :param alert_webhook_urls: Where the spending policy's alerts go; a secret.
    :param alert_webhook_signing_secret: What signs them; a secret.
    :param allow_delete_in_use: Whether keys in use are deleted, where the file does not say.

    Outputs: `key_ids`, and `api_keys` and `admin_keys` (secrets), each by the keys' names.
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
        teams = {team.name: self._declare("GroqTeam", team.name, arguments(team)) for team in access.teams}
        keys = {key.name: self._key(key, teams[key.team]) for key in access.keys}
        if access.spend_policy:
            self._spend_policy(access.spend_policy, alert_webhook_urls, alert_webhook_signing_secret)
        admin_keys = {
            key.name: self._declare("GroqAdminKey", key.name, arguments(key)) for key in access.admin_keys
        }
        for identity in access.identities:
            self._identity(identity, teams)
        self.key_ids = {name: key.key_id for name, key in keys.items()}
        self.api_keys = {name: key.api_key for name, key in keys.items()}
        self.admin_keys = {name: key.admin_key for name, key in admin_keys.items()}
        outputs = {"key_ids": self.key_ids, "api_keys": self.api_keys, "admin_keys": self.admin_keys}
        self.register_outputs(outputs)

    def _key(self, key: DeclaredKey, team: Any) -> Any:
        usual = {"allow_delete_in_use": self._allow_delete_in_use}
        return self._declare("GroqApiKey", key.name, {**usual, **arguments(key), "team": team.team_name})

    def _identity(self, identity: DeclaredIdentity, teams: dict[str, Any]) -> Any:
        settings = arguments(identity)
        if identity.team in teams:
            settings["team"] = teams[identity.team].team_name  # which is to be there first
        return self._declare("GroqWorkloadIdentity", identity.name, settings)

    def _spend_policy(
        self,
        policy: DeclaredSpendPolicy,
        urls: pulumi.Input[list[str]] | None,
        secret: pulumi.Input[str] | None,
    ) -> Any:
        alerts = {"alert_webhook_urls": urls, "alert_webhook_signing_secret": secret}
        return self._declare("GroqSpendPolicy", "spend-policy", {**arguments(policy), **alerts})

    def _declare(self, kind: str, name: str, settings: dict[str, Any]) -> Any:
        # A stack from before this component, or from before the plugin, moves in with nothing replaced.
        former = [
            pulumi.Alias(parent=None),
            pulumi.Alias(type_=f"{DYNAMIC_TYPES}{kind}"),
            pulumi.Alias(type_=f"{DYNAMIC_TYPES}{kind}", parent=None),
        ]
        resource = getattr(self._resources, kind)
        return resource(name, **settings, opts=pulumi.ResourceOptions(parent=self, aliases=former))
