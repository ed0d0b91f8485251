"""The organisation's spending policy: a singleton."""

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, StringConstraints, ValidationInfo, field_validator

from pulumi_groq.models.fields import Usd, UtcTime, WireModel, json_number
from pulumi_groq.models.markers import SECRET

WebhookUrl = Annotated[
    str,
    StringConstraints(
        max_length=2000,
        pattern=r"^(https://[^\s/@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/\S*)?$",
    ),
]
"""An https URL, or an http URL of this machine."""

Amount = Annotated[
    Decimal, Field(strict=False), PlainSerializer(json_number, return_type=float, when_used="json")
]
"""An amount in US dollars that may be 0 or below."""


class SpendPolicySettings(WireModel):
    """Body of `PUT /openai/v1/spend-policy`.

    At `monthly_cap_usd` (a UTC calendar month) new requests are refused when `auto_pause` is on.
    Each of `alert_thresholds_usd` (ascending, none above the cap) sends one alert a month to every
    URL, signed with `alert_webhook_signing_secret` where given. URLs count as secrets: chat
    services put tokens into them.
    """

    monthly_cap_usd: Usd
    alert_thresholds_usd: Annotated[list[Usd], Field(max_length=20)] = Field(default_factory=list)
    auto_pause: bool = True
    alert_webhook_urls: Annotated[list[WebhookUrl], SECRET, Field(max_length=10, repr=False)] = Field(
        default_factory=list
    )
    alert_webhook_signing_secret: Annotated[
        Annotated[str, StringConstraints(min_length=16, max_length=256)] | None, SECRET, Field(repr=False)
    ] = None

    @field_validator("alert_thresholds_usd")
    @classmethod
    def _ascend_to_the_cap(cls, thresholds: list[Decimal], info: ValidationInfo) -> list[Decimal]:
        if any(lower >= upper for lower, upper in pairwise(thresholds)):
            raise ValueError("must ascend without repeats")
        cap = info.data.get("monthly_cap_usd")
        if cap is not None and thresholds and thresholds[-1] > cap:
            raise ValueError(f"must not exceed monthly_cap_usd ({json_number(cap)})")
        return thresholds


class AlertSent(WireModel):
    """An alert of the running month."""

    threshold_usd: Usd
    sent_at: UtcTime


class SpendStatus(WireModel):
    """Where the running UTC month (`YYYY-MM`) stands; `paused` means that new requests are refused."""

    month: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}$")]
    spent_usd: Amount
    remaining_usd: Amount
    paused: bool
    alerts_sent: list[AlertSent]


class SpendPolicy(WireModel):
    """The policy as the admin API shows it: the signing secret only as present or not."""

    object: Literal["spend_policy"] = "spend_policy"
    monthly_cap_usd: Usd
    alert_thresholds_usd: list[Usd]
    auto_pause: bool
    alert_webhook_urls: list[WebhookUrl] = Field(repr=False)
    alert_webhook_signed: bool
    created_at: UtcTime
    updated_at: UtcTime
    status: SpendStatus
