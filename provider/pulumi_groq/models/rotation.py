"""How a key is rotated, as declared."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from pulumi_groq.models.fields import UtcTime, WholeNumber, WireModel

Trigger = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class FreezeWindow(WireModel):
    """A span of time in which no rotation starts and no key is retired; `end` is not part of it."""

    start: UtcTime
    end: UtcTime

    @field_validator("end")
    @classmethod
    def _ends_after_it_starts(cls, end: UtcTime, info: ValidationInfo) -> UtcTime:
        start = info.data.get("start")
        if start is not None and end <= start:
            raise ValueError("must be after start")
        return end


class RotationSchedule(WireModel):
    """When a key is replaced, and how long its predecessor keeps working.

    A rotation starts when the key is `every_days` (1 to 3,650) days old, or when `trigger` changes
    its value. The predecessor works for `overlap_hours` (1 to 8,760), and is then deleted as soon
    as it has served nothing for `quiet_hours` (1 to 8,760). A new `emergency_trigger` rotates at
    once and revokes the predecessor in the same run. The server's clock counts.
    """

    every_days: Annotated[WholeNumber, Field(ge=1, le=3650)] | None = None
    trigger: Trigger | None = None
    emergency_trigger: Trigger | None = None
    overlap_hours: Annotated[WholeNumber, Field(ge=1, le=8760)] = 24
    quiet_hours: Annotated[WholeNumber, Field(ge=1, le=8760)] = 24
    freeze_windows: Annotated[list[FreezeWindow], Field(max_length=50)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _overlap_fits_the_period(self) -> Self:
        if self.every_days is not None and self.overlap_hours >= self.every_days * 24:
            raise ValueError("overlap_hours must be shorter than every_days, or two rotations would overlap")
        return self
