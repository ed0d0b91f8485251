"""`GroqSpendPolicy`: the organisation's monthly cap, alerts and auto-pause."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.lifecycle.spend_policy import (
    SPEND_POLICY_ID,
    SpendPolicyArgs,
    SpendPolicyLifecycle,
    SpendPolicyState,
)
from pulumi_groq.resources.budget_args import BudgetArgs
from pulumi_groq.resources.declaration import DeclaredResource, by_id
from pulumi_groq.resources.provider import LifecycleProvider
from pulumi_groq.resources.session import notify

if TYPE_CHECKING:
    from pulumi_groq.lifecycle.session import Session


class SpendPolicyProvider(LifecycleProvider):
    """Serves `GroqSpendPolicy`."""

    def lifecycle(self, session: "Session") -> Lifecycle[Any, Any]:
        return SpendPolicyLifecycle(session.client, notify)


class GroqSpendPolicy(DeclaredResource, module="groq", name="GroqSpendPolicy"):
    """The spending policy: one for each gateway, so declare it in one stack. Months are UTC calendar months.

    Output: `created_at`. Deleting the policy removes the cap.

    :param resource_name: the resource's name in the stack.
    :param monthly_cap_usd: US dollars that the organisation may spend in a calendar month (UTC): above
        0, up to 1,000,000,000, with at most 6 decimal places.
    :param budgets: What the organisation may spend by shorter windows, up to 3, at most one each per
        hour, day or week, in UTC; the month's is `monthly_cap_usd`. None unless set.
    :param alert_thresholds_usd: Up to 20 amounts in US dollars, ascending, none above the cap: each
        sends one alert a month.
    :param auto_pause: Whether new requests are refused at the cap until it is raised or the month ends,
        and at the budgets likewise, which is the default; otherwise the cap only alerts.
    :param alert_webhook_urls: Up to 10 https URLs that every alert is posted to; kept as a secret.
    :param alert_webhook_signing_secret: What alerts are signed with, 16 to 256 characters; kept as a
        secret. Unless set, alerts are not signed.
    :param adopt_existing: Whether to take over a policy that exists and differs, or that another
        stack declares.
    :param opts: Pulumi's resource options.
    """

    _served_by = SpendPolicyProvider
    _args = SpendPolicyArgs
    _state = SpendPolicyState

    if TYPE_CHECKING:
        monthly_cap_usd: pulumi.Output[float]
        created_at: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        monthly_cap_usd: pulumi.Input[float],
        budgets: pulumi.Input[Sequence[BudgetArgs]] | None = None,
        alert_thresholds_usd: pulumi.Input[Sequence[float]] | None = None,
        auto_pause: pulumi.Input[bool] | None = None,
        alert_webhook_urls: pulumi.Input[Sequence[str]] | None = None,
        alert_webhook_signing_secret: pulumi.Input[str] | None = None,
        adopt_existing: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {
            "monthly_cap_usd": monthly_cap_usd,
            "budgets": budgets,
            "alert_thresholds_usd": alert_thresholds_usd,
            "auto_pause": auto_pause,
            "alert_webhook_urls": alert_webhook_urls,
            "alert_webhook_signing_secret": alert_webhook_signing_secret,
            "adopt_existing": adopt_existing,
        }
        self._register(resource_name, arguments, opts)

    @classmethod
    def get(cls, resource_name: str, opts: pulumi.ResourceOptions | None = None) -> "GroqSpendPolicy":
        """Read the policy in force into the program without owning it."""
        return cls(resource_name, monthly_cap_usd=0, opts=by_id(SPEND_POLICY_ID, opts))
