"""What Pulumi ESC's external rotator sends, and what it keeps of the answer.

The shape is documented at https://www.pulumi.com/docs/esc/integrations/rotated-secrets/external/: a POST of
`request` and `state`, whose answer becomes the next `state`.
"""

from typing import Annotated

from pydantic import Field

from pulumi_groq.models.api_key import ApiKeySettings, KeyName
from pulumi_groq.models.fields import ObjectId, UtcTime, WholeNumber, WireModel
from pulumi_groq.models.markers import SECRET

KeyValue = Annotated[str, SECRET, Field(min_length=1, max_length=256, repr=False)]


class RotatedKey(ApiKeySettings):
    """What an environment declares as `request`: the key, as every one of its generations is created."""

    name: KeyName
    quiet_hours: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=8760,
            description="A rotation is refused while the key before the present one has served a request "
            "within this many hours, 1 to 8,760; 24 by default.",
        ),
    ] = 24


class PreviousKey(WireModel):
    """The predecessor, which works until the next rotation."""

    key_id: Annotated[ObjectId, Field(description="Its id.")]
    api_key: Annotated[KeyValue, Field(description="Its value.")]


class RotatorState(WireModel):
    """What ESC keeps as a secret and shows as `current`."""

    key_id: Annotated[ObjectId, Field(description="The key's id; a rotation changes it.")]
    api_key: Annotated[KeyValue, Field(description="The key's value, which applications send.")]
    rotated_at: Annotated[
        UtcTime | None, Field(description="When it was created (UTC); not needed in a first state by hand.")
    ] = None
    previous: Annotated[
        PreviousKey | None, Field(description="The key before it; null after the first rotation.")
    ] = None


class RotatorRequest(WireModel):
    """The body of one call."""

    request: Annotated[RotatedKey, Field(description="The key, as the environment declares it.")]
    state: Annotated[
        RotatorState | None, Field(description="The answer to the call before; null in the first.")
    ]
