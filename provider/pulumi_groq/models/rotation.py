"""How a key is rotated, as declared."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from pulumi_groq.models.fields import UtcTime, WholeNumber, WireModel

Trigger = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class FreezeWindow(WireModel):
    """A span of time in which no rotation starts and no key is retired."""

    start: Annotated[UtcTime, Field(description="When the window begins: an ISO 8601 time with its zone.")]
    end: Annotated[
        UtcTime, Field(description="When the window is over: a later ISO 8601 time with its zone.")
    ]

    @field_validator("end")
    @classmethod
    def _ends_after_it_starts(cls, end: UtcTime, info: ValidationInfo) -> UtcTime:
        start = info.data.get("start")
        if start is not None and end <= start:
            raise ValueError("must be after start")
        return end


class RotationSchedule(WireModel):
    """When a key is replaced, and how long its predecessor keeps working. The server's clock counts."""

    every_days: Annotated[
        Annotated[WholeNumber, Field(ge=1, le=3650)] | None,
        Field(
            description="Rotate the key when it is this many days old, 1 to 3,650; unless set, never by age."
        ),
    ] = None
    trigger: Annotated[
        Trigger | None,
        Field(description="Rotate the key when this text changes: 1 to 256 characters."),
    ] = None
    emergency_trigger: Annotated[
        Trigger | None,
        Field(
            description="Rotate the key and revoke its predecessors in the same run when this text changes: "
            "1 to 256 characters."
        ),
    ] = None
    overlap_hours: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=8760,
            description="How many hours the predecessor keeps working at least, 1 to 8,760 and shorter than "
            "`every_days`; 24 by default.",
        ),
    ] = 24
    quiet_hours: Annotated[
        WholeNumber,
        Field(
            ge=1,
            le=8760,
            description="After the overlap the predecessor is deleted once it has served nothing for this "
            "many hours, 1 to 8,760; 24 by default.",
        ),
    ] = 24
    freeze_windows: Annotated[
        list[FreezeWindow],
        Field(
            max_length=50,
            description="Up to 50 spans of time in which no rotation starts and no key is retired.",
        ),
    ] = Field(default_factory=list)

    @model_validator(mode="after")
    def _overlap_fits_the_period(self) -> Self:
        if self.every_days is not None and self.overlap_hours >= self.every_days * 24:
            raise ValueError("overlap_hours must be shorter than every_days, or two rotations would overlap")
        return self


Rotation = Annotated[
    RotationSchedule | None,
    Field(
        description="When the key is replaced, and how long its predecessor keeps working; unless set, never."
    ),
]
