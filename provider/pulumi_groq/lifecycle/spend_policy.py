"""The spending policy's life: one for the organisation."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import NotFoundError
from pulumi_groq.lifecycle.adoption import refuse_takeover
from pulumi_groq.lifecycle.ownership import NewClaim, random_claim, tell_if_kept
from pulumi_groq.lifecycle.properties import (
    Checked,
    Properties,
    PropertyDiff,
    check_inputs,
    compare,
    name_changing_secrets,
    outputs_beside,
)
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.models.fields import CreatedAt
from pulumi_groq.models.markers import ONCE
from pulumi_groq.models.ownership import OwnClaim, Placed
from pulumi_groq.models.spend_policy import (
    SECRET_CHANGES,
    SpendPolicy,
    SpendPolicySettings,
    SpendPolicyWrite,
    webhooks_digest,
)

SPEND_POLICY_ID: Final = "spend-policy"
_POLICY: Final = "the spending policy"


class SpendPolicyArgs(SpendPolicySettings, Placed):
    """The policy as declared."""

    adopt_existing: Annotated[
        bool,
        ONCE,
        Field(
            description="Whether to take over a policy that exists and differs, or that another stack "
            "declares."
        ),
    ] = False


class SpendPolicyState(SpendPolicyArgs):
    """Arguments plus outputs. Spend itself is not part of it: it would change with every request."""

    model_config = ConfigDict(extra="ignore")

    claim: OwnClaim = None
    created_at: CreatedAt


class SpendPolicyLifecycle:
    """The lifecycle of `GroqSpendPolicy`."""

    args = SpendPolicyArgs
    state = SpendPolicyState

    def __init__(self, client: AdminClient, notify: Notify, new_claim: NewClaim = random_claim) -> None:
        self._client = client
        self._notify = notify
        self._new_claim = new_claim

    def check(self, olds: Properties, news: Properties) -> Checked:
        return name_changing_secrets(SECRET_CHANGES, olds, check_inputs(SpendPolicyArgs, news))

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        return compare(SpendPolicyArgs, state, inputs)

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        if state is None:
            return outputs_beside(SpendPolicyArgs, SpendPolicyState)
        return frozenset() if state.get("claim") else frozenset({"claim"})

    def create(self, args: SpendPolicyArgs) -> tuple[str, SpendPolicyState]:
        existing = self._existing(args)
        if existing is not None:
            refuse_takeover(_POLICY, existing, args)
        return SPEND_POLICY_ID, self._put(args, self._new_claim())

    def read(self, resource_id: str, state: SpendPolicyState | None) -> SpendPolicyState | None:
        try:
            policy = self._client.get_spend_policy()
        except NotFoundError:
            return None
        secret = state.alert_webhook_signing_secret if state and policy.alert_webhook_signed else None
        adopt_existing = state.adopt_existing if state else False
        shown = policy.model_copy(update={"alert_webhook_urls": self._urls(policy, state)})
        return _state(shown, secret, adopt_existing, state.claim if state else None)

    def _urls(self, policy: SpendPolicy, state: SpendPolicyState | None) -> list[str]:
        """Where alerts go. Whose role may not see it is told whether it is what the state has; if not, none
        are what the state can say, which shows as a difference.
        """
        if policy.alert_webhook_urls is not None:
            return policy.alert_webhook_urls
        known = state.alert_webhook_urls if state else []
        if webhooks_digest(known) == policy.alert_webhooks_digest:
            return known
        self._notify(f"{_POLICY}: where alerts go was changed elsewhere; your role may not see to where")
        return []

    def update(self, resource_id: str, state: SpendPolicyState, args: SpendPolicyArgs) -> SpendPolicyState:
        return self._put(args, state.claim or self._new_claim())

    def delete(self, resource_id: str, state: SpendPolicyState) -> None:
        answer = self._client.delete_spend_policy(claim=state.claim or self._new_claim())
        tell_if_kept(self._notify, _POLICY, answer)

    def _existing(self, args: SpendPolicyArgs) -> SpendPolicy | None:
        """The policy that may be another's; `None` where it does not matter whose it is."""
        if args.adopt_existing:
            return None
        try:
            return self._client.get_spend_policy()
        except NotFoundError:
            return None

    def _put(self, args: SpendPolicyArgs, claim: str) -> SpendPolicyState:
        declared = {name: getattr(args, name) for name in SpendPolicyWrite.model_fields if name != "claim"}
        write = SpendPolicyWrite.model_validate({**declared, "claim": claim})
        policy = self._client.put_spend_policy(write, take_over=args.adopt_existing)
        return _state(policy, args.alert_webhook_signing_secret, args.adopt_existing, claim)


def _state(
    policy: SpendPolicy, signing_secret: str | None, adopt_existing: bool, claim: str | None
) -> SpendPolicyState:
    return SpendPolicyState(
        monthly_cap_usd=policy.monthly_cap_usd,
        budgets=policy.budgets,
        alert_thresholds_usd=policy.alert_thresholds_usd,
        auto_pause=policy.auto_pause,
        alert_webhook_urls=policy.alert_webhook_urls or [],
        alert_webhook_signing_secret=signing_secret,
        managed_by=policy.managed_by,
        declared_as=policy.declared_as,
        adopt_existing=adopt_existing,
        claim=claim,
        created_at=policy.created_at,
    )
