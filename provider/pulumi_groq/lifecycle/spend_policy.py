"""The spending policy's life: one for the organisation."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import NotFoundError
from pulumi_groq.lifecycle.properties import (
    Change,
    Checked,
    Properties,
    check_inputs,
    compare,
    name_changing_secrets,
)
from pulumi_groq.lifecycle.singleton import refuse_takeover
from pulumi_groq.models.fields import CreatedAt
from pulumi_groq.models.markers import ONCE
from pulumi_groq.models.spend_policy import SECRET_CHANGES, SpendPolicy, SpendPolicySettings

SPEND_POLICY_ID: Final = "spend-policy"


class SpendPolicyArgs(SpendPolicySettings):
    """The policy as declared."""

    adopt_existing: Annotated[
        bool, ONCE, Field(description="Whether to take over a policy that exists and differs.")
    ] = False


class SpendPolicyState(SpendPolicyArgs):
    """Arguments plus outputs. Spend itself is not part of it: it would change with every request."""

    model_config = ConfigDict(extra="ignore")

    created_at: CreatedAt


class SpendPolicyLifecycle:
    """The lifecycle of `GroqSpendPolicy`."""

    args = SpendPolicyArgs
    state = SpendPolicyState

    def __init__(self, client: AdminClient) -> None:
        self._client = client

    def check(self, olds: Properties, news: Properties) -> Checked:
        return name_changing_secrets(SECRET_CHANGES, olds, check_inputs(SpendPolicyArgs, news))

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> Change:
        return compare(SpendPolicyArgs, state, inputs)

    def create(self, args: SpendPolicyArgs) -> tuple[str, SpendPolicyState]:
        try:
            existing = self._client.get_spend_policy()
        except NotFoundError:
            pass
        else:
            refuse_takeover("a spending policy", existing, args, args.adopt_existing)
        return SPEND_POLICY_ID, self._put(args)

    def read(self, resource_id: str, state: SpendPolicyState | None) -> SpendPolicyState | None:
        try:
            policy = self._client.get_spend_policy()
        except NotFoundError:
            return None
        secret = state.alert_webhook_signing_secret if state and policy.alert_webhook_signed else None
        return _state(policy, secret, state.adopt_existing if state else False)

    def update(self, resource_id: str, state: SpendPolicyState, args: SpendPolicyArgs) -> SpendPolicyState:
        return self._put(args)

    def delete(self, resource_id: str, state: SpendPolicyState) -> None:
        self._client.delete_spend_policy()

    def _put(self, args: SpendPolicyArgs) -> SpendPolicyState:
        settings = {name: getattr(args, name) for name in SpendPolicySettings.model_fields}
        policy = self._client.put_spend_policy(SpendPolicySettings.model_validate(settings))
        return _state(policy, args.alert_webhook_signing_secret, args.adopt_existing)


def _state(policy: SpendPolicy, signing_secret: str | None, adopt_existing: bool) -> SpendPolicyState:
    return SpendPolicyState(
        monthly_cap_usd=policy.monthly_cap_usd,
        alert_thresholds_usd=policy.alert_thresholds_usd,
        auto_pause=policy.auto_pause,
        alert_webhook_urls=policy.alert_webhook_urls,
        alert_webhook_signing_secret=signing_secret,
        adopt_existing=adopt_existing,
        created_at=policy.created_at,
    )
