"""Whose an object is: where it is declared, and which declaration may delete it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pulumi_groq.models.fields import DeclaredAs, ManagedBy, WireModel

Claim = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
"""What a declaration draws to hold an object by: 1 to 64 letters, digits and underscores."""

OwnClaim = Annotated[
    Claim | None,
    Field(
        description="What the declaration drew when it created or took over this: 1 to 64 letters, digits "
        "and underscores. A delete that names a claim deletes nothing while another one holds this."
    ),
]

DeletedKind = Literal[
    "api_key.deleted",
    "team.deleted",
    "spend_policy.deleted",
    "admin_key.deleted",
    "workload_identity.deleted",
]


class Placed(WireModel):
    """Where something is declared."""

    managed_by: ManagedBy = None
    declared_as: DeclaredAs = None


class Owned(Placed):
    """Where something is declared, and the claim of that declaration.

    In a body, all three left out leave the owner as it is.
    """

    claim: OwnClaim = None


class Deleted(Placed):
    """The answer to a delete. Where nothing was deleted, it says who holds the object."""

    object: Annotated[DeletedKind, Field(description="What the delete was of.")]
    id: Annotated[
        str, Field(description="The key's id, the name of the team or workload identity, or `spend_policy`.")
    ]
    deleted: bool = Field(
        True,
        description="Whether it is gone; false where the delete named a claim and another declaration "
        "holds it.",
    )
