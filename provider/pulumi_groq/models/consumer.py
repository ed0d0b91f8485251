"""Who uses a key, as far as the gateway can see it."""

from typing import Annotated, Literal

from pydantic import Field

from pulumi_groq.models.fields import UtcTime, WireModel

MOST_CONSUMERS = 32
"""Of one key; the one that was seen longest ago is forgotten first."""


class Consumer(WireModel):
    """Requests with one key from one address under one name."""

    address: Annotated[
        str,
        Field(description="The IP address that the requests came from; a proxy's, unless it is trusted."),
    ]
    user_agent: Annotated[
        str, Field(description="What they sent as `User-Agent`, at most 200 characters; empty without one.")
    ]
    last_used_at: Annotated[UtcTime, Field(description="When the last of them arrived (UTC).")]


class ConsumerList(WireModel):
    """The consumers of one key, the one seen last first."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    as_of: Annotated[UtcTime, Field(description="The server's time when it answered (UTC).")]
    data: Annotated[
        list[Consumer],
        Field(description=f"Up to {MOST_CONSUMERS} consumers; those not seen for 90 days are left out."),
    ]
