"""What a declaration draws to hold its object by, and what is said when the object outlives it."""

import secrets
from collections.abc import Callable

from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.models.ownership import Deleted, place_of

NewClaim = Callable[[], str]
"""Draws a claim that nobody else has."""


def random_claim() -> str:
    """A claim of 64 random bits."""
    return secrets.token_hex(8)


def tell_if_kept(notify: Notify, what: str, answer: Deleted | None) -> None:
    """Tell that `what` was not deleted: after a rename, a replacement or a take-over another holds it."""
    if answer is not None and not answer.deleted:
        notify(
            f"{what}: kept, for it is now {place_of(answer)}; if nothing declares it any more, "
            "delete it at the admin API without a claim"
        )
