"""The spending policy's life: one for the organisation."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from pulumi_groq.lifecycle.properties import Checked, Properties, name_changing_secrets
from pulumi_groq.lifecycle.put_lifecycle import PutArgs, PutLifecycle, PutState
from pulumi_groq.models.fields import CreatedAt
from pulumi_groq.models.markers import ONCE
from pulumi_groq.models.ownership import Deleted, OwnClaim
from pulumi_groq.models.spend_policy import (
    ADOPT_EXISTING_POLICY,
    SECRET_CHANGES,
    SpendPolicy,
    SpendPolicySettings,
    SpendPolicyWrite,
    webhooks_digest,
)

SPEND_POLICY_ID: Final = "spend-policy"
_POLICY: Final = "the spending policy"


class SpendPolicyArgs(SpendPolicySettings, PutArgs):
    """The policy as declared."""

    adopt_existing: Annotated[bool, ONCE, Field(description=ADOPT_EXISTING_POLICY)] = False


class SpendPolicyState(SpendPolicyArgs, PutState):
    """Arguments plus outputs. Spend itself is not part of it: it would change with every request."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    created_at: CreatedAt


class SpendPolicyLifecycle(PutLifecycle[SpendPolicyArgs, SpendPolicyState, SpendPolicy]):
    """The lifecycle of `GroqSpendPolicy`."""

    args = SpendPolicyArgs
    state = SpendPolicyState

    def id_of(self, args: SpendPolicyArgs) -> str:
        return SPEND_POLICY_ID

    def called(self, resource_id: str) -> str:
        return _POLICY

    def check(self, olds: Properties, news: Properties) -> Checked:
        return name_changing_secrets(SECRET_CHANGES, olds, super().check(olds, news))

    def read(self, resource_id: str, state: SpendPolicyState | None) -> SpendPolicyState | None:
        return super().read(resource_id, state) if resource_id == SPEND_POLICY_ID else None

    def get(self, resource_id: str) -> SpendPolicy:
        return self._client.get_spend_policy()

    def put(self, args: SpendPolicyArgs, claim: str) -> SpendPolicy:
        declared = {name: getattr(args, name) for name in SpendPolicyWrite.model_fields if name != "claim"}
        write = SpendPolicyWrite.model_validate({**declared, "claim": claim})
        return self._client.put_spend_policy(write, take_over=args.adopt_existing)

    def remove(self, resource_id: str, claim: str) -> Deleted | None:
        return self._client.delete_spend_policy(claim=claim)

    def state_of(
        self, served: SpendPolicy, known: SpendPolicyArgs | None, claim: str | None
    ) -> SpendPolicyState:
        secret = known.alert_webhook_signing_secret if known and served.alert_webhook_signed else None
        return SpendPolicyState(
            monthly_cap_usd=served.monthly_cap_usd,
            budgets=served.budgets,
            alert_thresholds_usd=served.alert_thresholds_usd,
            auto_pause=served.auto_pause,
            alert_webhook_urls=self._urls(served, known),
            alert_webhook_signing_secret=secret,
            managed_by=served.managed_by,
            declared_as=served.declared_as,
            adopt_existing=known is not None and known.adopt_existing,
            claim=claim,
            created_at=served.created_at,
        )

    def _urls(self, policy: SpendPolicy, known: SpendPolicyArgs | None) -> list[str]:
        """Where alerts go. Whose role may not see it is told whether it is what the state has; if not, none
        are what the state can say, which shows as a difference.
        """
        if policy.alert_webhook_urls is not None:
            return policy.alert_webhook_urls
        urls = known.alert_webhook_urls if known else []
        if webhooks_digest(urls) == policy.alert_webhooks_digest:
            return urls
        self._notify(f"{_POLICY}: where alerts go was changed elsewhere; your role may not see to where")
        return []
