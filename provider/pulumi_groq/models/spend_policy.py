"""The organisation's spending policy: a singleton."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import Field, PlainSerializer, StringConstraints, ValidationInfo, field_validator

from pulumi_groq.models.budgets import Budget, Budgets
from pulumi_groq.models.fields import CreatedAt, PlainText, UpdatedAt, Usd, UtcTime, WireModel, json_number
from pulumi_groq.models.markers import SECRET
from pulumi_groq.models.ownership import Owned

WebhookUrl = Annotated[
    PlainText,
    StringConstraints(
        max_length=2000,
        pattern=r"^(https://[^\s/@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/\S*)?$",
    ),
]
"""An https URL, or an http URL on this machine."""

Amount = Annotated[
    Decimal, Field(strict=False), PlainSerializer(json_number, return_type=float, when_used="json")
]
"""An amount in US dollars that may be 0 or below."""

ADOPT_EXISTING_POLICY: Final = (
    "Whether to take over a policy that exists and differs, or that another stack declares."
)
MonthlyCapUsd = Annotated[
    Usd,
    Field(
        description="US dollars that the organisation may spend in a calendar month (UTC): above 0, up to "
        "1,000,000,000, with at most 6 decimal places."
    ),
]
AlertThresholdsUsd = Annotated[
    list[Usd],
    Field(
        max_length=20,
        description="Up to 20 amounts in US dollars, ascending, none above the cap: each sends one alert a "
        "month.",
    ),
]
PolicyBudgets = Annotated[
    Budgets,
    Field(
        max_length=3,
        description="What the organisation may spend by shorter windows, up to 3, at most one each per hour, "
        "day or week, in UTC; the month's is `monthly_cap_usd`. None unless set.",
    ),
]
AutoPause = Annotated[
    bool,
    Field(
        description="Whether new requests are refused at the cap until it is raised or the month ends, and "
        "at the budgets likewise, which is the default; otherwise the cap only alerts."
    ),
]
# They count as secrets: chat services put tokens into them.
AlertWebhookUrls = Annotated[
    list[WebhookUrl],
    Field(
        max_length=10,
        repr=False,
        description="Up to 10 https URLs that every alert is posted to; kept as a secret.",
    ),
]

SECRET_CHANGES: Final = {
    "alert_webhook_urls": "the webhook's address changes",
    "alert_webhook_signing_secret": "the webhook's signing secret changes",
}
"""Secret field -> how to say that its value changes; the value itself is shown to nobody."""


class SpendPolicySettings(WireModel):
    """What holds the organisation's spending."""

    monthly_cap_usd: MonthlyCapUsd
    budgets: PolicyBudgets = Field(default_factory=list)
    alert_thresholds_usd: AlertThresholdsUsd = Field(default_factory=list)
    auto_pause: AutoPause = True
    alert_webhook_urls: Annotated[AlertWebhookUrls, SECRET] = Field(default_factory=list)
    alert_webhook_signing_secret: Annotated[
        Annotated[PlainText, StringConstraints(min_length=16, max_length=256)] | None,
        SECRET,
        Field(
            repr=False,
            description="What alerts are signed with, 16 to 256 characters; kept as a secret. Unless set, "
            "alerts are not signed.",
        ),
    ] = None

    @field_validator("budgets")
    @classmethod
    def _are_shorter_than_the_month(cls, budgets: list[Budget]) -> list[Budget]:
        if any(budget.per == "month" for budget in budgets):
            raise ValueError("must not have a budget per month: that is monthly_cap_usd")
        return budgets

    @field_validator("alert_thresholds_usd")
    @classmethod
    def _ascend_to_the_cap(cls, thresholds: list[Decimal], info: ValidationInfo) -> list[Decimal]:
        if any(lower >= upper for lower, upper in pairwise(thresholds)):
            raise ValueError("must ascend without repeats")
        cap = info.data.get("monthly_cap_usd")
        if cap is not None and thresholds and thresholds[-1] > cap:
            raise ValueError(f"must not exceed monthly_cap_usd ({json_number(cap)})")
        return thresholds


class SpendPolicyWrite(SpendPolicySettings, Owned):
    """Body of `PUT /openai/v1/spend-policy`."""


class AlertSent(WireModel):
    """An alert of the running month."""

    threshold_usd: Annotated[Usd, Field(description="The threshold that was reached, in US dollars.")]
    sent_at: Annotated[UtcTime, Field(description="When the alert was sent (UTC).")]


class SpendStatus(WireModel):
    """Where the running month stands."""

    month: Annotated[
        str,
        StringConstraints(pattern=r"^\d{4}-\d{2}$"),
        Field(description="The running calendar month (UTC), as `YYYY-MM`."),
    ]
    spent_usd: Annotated[Amount, Field(description="US dollars spent in it so far.")]
    remaining_usd: Annotated[
        Amount, Field(description="US dollars left below the cap; negative once it is exceeded.")
    ]
    paused: Annotated[bool, Field(description="Whether new requests are refused.")]
    alerts_sent: Annotated[list[AlertSent], Field(description="The alerts of the month.")]


def webhooks_digest(urls: Sequence[str]) -> str | None:
    """What tells whoever may not see `urls` whether they are others than before; `None` without any."""
    return hashlib.sha256("\n".join(urls).encode()).hexdigest() if urls else None


class SpendPolicy(Owned):
    """The policy as the admin API shows it: the signing secret only as present or not."""

    object: Literal["spend_policy"] = Field("spend_policy", description="The kind of object.")
    monthly_cap_usd: MonthlyCapUsd
    budgets: PolicyBudgets = Field(default_factory=list)
    alert_thresholds_usd: AlertThresholdsUsd
    auto_pause: AutoPause
    alert_webhook_urls: Annotated[
        list[WebhookUrl] | None,
        Field(
            max_length=10,
            repr=False,
            description="The https URLs that every alert is posted to; null for a role that may not set the "
            "policy.",
        ),
    ]
    alert_webhooks_digest: Annotated[
        str | None,
        Field(
            description="SHA-256 over these URLs, one a line, as hexadecimal digits, for every reader; "
            "null without any."
        ),
    ] = None
    alert_webhook_signed: Annotated[bool, Field(description="Whether alerts are signed.")]
    created_at: CreatedAt
    updated_at: UpdatedAt
    status: Annotated[SpendStatus, Field(description="Where the running month stands.")]
