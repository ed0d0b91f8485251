"""The claim that a delete names."""

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
