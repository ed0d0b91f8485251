"""Whose an object is: where it is declared, and which declaration may delete it."""

from typing import Annotated, Literal, Protocol

from pydantic import Field, StringConstraints

from pulumi_groq.models.fields import DeclaredAs, ManagedBy, WireModel

Claim = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
"""What a declaration draws to hold an object by: 1 to 64 letters, digits and underscores."""

OwnClaim = Annotated[
    Claim | None,
    Field(
        description="What the declaration drew when it created or took over this: 1 to 64 letters, digits "
        "and underscores. A delete that names a claim deletes nothing while another one holds this, and "
        "another stack's claim changes nothing."
    ),
]

DeletedKind = Literal[
    "api_key.deleted",
    "team.deleted",
    "spend_policy.deleted",
    "admin_key.deleted",
    "workload_identity.deleted",
]


class HasPlace(Protocol):
    """Whatever says where it is declared."""

    @property
    def managed_by(self) -> str | None:
        """The stack."""
        ...

    @property
    def declared_as(self) -> str | None:
        """Where in that stack."""
        ...


def place_of(owned: HasPlace) -> str:
    """`declared as 'org-policy' in organization/infra/dev`, as far as it is known."""
    declared = f"declared as '{owned.declared_as}'" if owned.declared_as else "declared elsewhere"
    return f"{declared} in {owned.managed_by}" if owned.managed_by else declared


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
