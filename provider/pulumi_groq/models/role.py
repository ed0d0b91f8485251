"""The roles of the admin plane, by name; what each may do is in `policy.roles`."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

AdminRole = Literal["owner", "team-admin", "billing", "viewer", "auditor"]

NAMES_TEAMS: Final[Mapping[AdminRole, Literal["must", "may", "never"]]] = {
    "owner": "never",
    "team-admin": "must",
    "billing": "never",
    "viewer": "may",
    "auditor": "never",
}
"""Whether a role is given for named teams."""


def misfit(role: AdminRole, teams: Sequence[str]) -> str | None:
    """Why `role` cannot be given for `teams`; `None` where it can. No team stands for all of them."""
    if NAMES_TEAMS[role] == "must" and not teams:
        return f"must name the teams that the role {role} is for"
    if NAMES_TEAMS[role] == "never" and teams:
        return f"must be left out: the role {role} is for all teams"
    return None
