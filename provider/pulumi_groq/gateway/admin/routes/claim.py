"""What a request says of who holds the object."""

from typing import Annotated

from fastapi import Query

from pulumi_groq.models.ownership import Claim

GivenUp = Annotated[
    Claim | None,
    Query(
        alias="claim",
        description="The claim of the declaration that gives the object up. While another declaration holds "
        "it, nothing is deleted: `deleted` is false, and the answer names the owner. Without a claim the "
        "object is deleted whoever holds it.",
    ),
]

TakeOver = Annotated[
    bool,
    Query(
        description="Whether a body with a claim takes the object over from another stack that holds it. "
        "Without it such a write is refused (409 `held_elsewhere`)."
    ),
]
