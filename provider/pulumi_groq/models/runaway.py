"""The guard against runaway spend of a key, as declared and as reported."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pulumi_groq.models.fields import Usd, UtcTime, WholeNumber, WireModel
from pulumi_groq.models.spend_policy import Amount

RunawayAction = Literal["alert", "pause_key"]


class RunawayGuard(WireModel):
    """What of a key's spend is a runaway, and what happens then. Batches do not count: each is created on
    purpose, held to the budgets then, and paid for at once when its results are read.
    """

    spend_usd_per_10_min: Annotated[
        Usd | None,
        Field(
            description="More US dollars than this within 10 minutes are a runaway: above 0, up to "
            "1,000,000,000, with at most 6 decimal places; unless set, no amount is by itself."
        ),
    ] = None
    times_usual: Annotated[
        Annotated[WholeNumber, Field(ge=2, le=10_000)] | None,
        Field(
            description="More than so many times what the key usually spends within 10 minutes at this hour "
            "of the day (UTC), by its last 14 days, is a runaway: 2 to 10,000. It holds from the key's "
            "fourth day on, and never below 0.01 US dollars; unless set, the usual does not matter."
        ),
    ] = None
    action: Annotated[
        RunawayAction,
        Field(
            description="`pause_key` refuses the key's requests (400 `key_paused_runaway`) until it is "
            "resumed, and alerts; `alert` only alerts, at most once an hour; `pause_key` by default."
        ),
    ] = "pause_key"
    resume_after_minutes: Annotated[
        Annotated[WholeNumber, Field(ge=1, le=10_080)] | None,
        Field(
            description="After so many minutes a paused key goes on by itself: 1 to 10,080; unless set, only "
            "once someone resumes it."
        ),
    ] = None

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if self.spend_usd_per_10_min is None and self.times_usual is None:
            raise ValueError("must say what a runaway is: spend_usd_per_10_min, times_usual, or both")
        if self.action == "alert" and self.resume_after_minutes is not None:
            raise ValueError("resume_after_minutes has no meaning with action alert, which pauses nothing")
        return self


Runaway = Annotated[
    RunawayGuard | None,
    Field(
        description="What of the key's spend is a runaway, and whether it pauses the key; unless set, "
        "nothing is. The keys of a lineage are watched and paused together."
    ),
]


class KeyPause(WireModel):
    """Why and since when a key is paused."""

    since: Annotated[UtcTime, Field(description="When the key was paused (UTC).")]
    spent_usd: Annotated[
        Amount, Field(description="What its lineage had spent in the 10 minutes before, in US dollars.")
    ]
    allowed_usd: Annotated[Amount, Field(description="What it may spend in 10 minutes, in US dollars.")]
    resumes_at: Annotated[
        UtcTime | None,
        Field(description="When it goes on by itself (UTC); null: only once someone resumes it."),
    ]


Paused = Annotated[
    KeyPause | None, Field(description="Why and since when the key is paused; null while it is not.")
]


class RunawayWatch(WireModel):
    """A guarded key's spend beside what is usual."""

    spent_usd: Annotated[
        Amount, Field(description="What the key's lineage spent in the last 10 minutes, in US dollars.")
    ]
    usual_usd: Annotated[
        Amount | None,
        Field(
            description="What it usually spends in 10 minutes at this hour of the day, in US dollars; null "
            "in the first 3 days."
        ),
    ]
    last_runaway_at: Annotated[
        UtcTime | None, Field(description="When it last was a runaway (UTC); null if it never was.")
    ]
    paused: Paused
