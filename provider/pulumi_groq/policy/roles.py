"""Who may do what on the admin plane: the one table of roles, and the caller that is judged by it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from pulumi_groq.models.role import NAMES_TEAMS, AdminRole

Need = Literal[
    "keys.read",
    "keys.write",
    "keys.resume",
    "teams.read",
    "teams.write",
    "spending.read",
    "spending.write",
    "usage.read",
    "models.read",
    "changes.read",
    "admin_keys.read",
    "admin_keys.write",
]
"""What an operation takes."""

WORDS: Final[Mapping[Need, str]] = {
    "keys.read": "read API keys",
    "keys.write": "create, change or delete API keys",
    "keys.resume": "resume paused API keys",
    "teams.read": "read teams",
    "teams.write": "create, change or delete teams",
    "spending.read": "read the spending policy",
    "spending.write": "set or delete the spending policy",
    "usage.read": "read usage",
    "models.read": "list models",
    "changes.read": "read changes",
    "admin_keys.read": "read admin keys and workload identities",
    "admin_keys.write": "create, change or delete admin keys and workload identities",
}
"""Each need as a verb phrase, behind "may"."""

_READS: Final = frozenset[Need](need for need in get_args(Need) if need.endswith(".read"))

RIGHTS: Final[Mapping[AdminRole, frozenset[Need]]] = {
    "owner": frozenset(get_args(Need)),
    "team-admin": frozenset(
        {"keys.read", "keys.write", "keys.resume", "teams.read", "usage.read", "models.read"}
    ),
    "billing": frozenset({"spending.read", "spending.write", "usage.read", "models.read"}),
    "viewer": _READS,
    "auditor": frozenset({"changes.read"}),
}
"""What each role may do, for every team. Of named teams, it may do what is in `OF_A_TEAM` for those alone."""

OF_A_TEAM: Final = frozenset[Need]({"keys.read", "keys.write", "keys.resume", "teams.read", "usage.read"})
"""Needs of which each object belongs to a team, or to none."""

_OF_NOBODY: Final = frozenset[Need]({"models.read"})


@dataclass(frozen=True, slots=True)
class AdminIdentity:
    """An authenticated caller of the admin plane.

    `actor_id` is the admin key's id, the workload identity's, or `ROOT_ACTOR_ID`, and `subject` whom an
    identity's token was issued to. `teams` are those that the role is for; `None` is all, and keys without
    a team. A credential ends at `expires_at` (UTC).
    """

    actor_id: str
    role: AdminRole
    teams: frozenset[str] | None = None
    subject: str | None = None
    expires_at: datetime | None = None

    @property
    def principal(self) -> str:
        """Whose answers may be given again: the actor, and of an identity whom its token was issued to; up to
        128 characters.
        """
        if self.subject is None:
            return self.actor_id
        return f"{self.actor_id}/{hashlib.sha256(self.subject.encode()).hexdigest()[:40]}"

    def may(self, need: Need) -> bool:
        """Whether the role covers `need`, for some team at least."""
        held = need in RIGHTS[self.role]
        return held and (self.teams is None or need in OF_A_TEAM or need in _OF_NOBODY)

    def may_for(self, need: Need, team: str | None) -> bool:
        """Whether the role covers `need` (of `OF_A_TEAM`) for an object of `team`, `None` being no team."""
        return self.may(need) and self.covers(team)

    def covers(self, team: str | None) -> bool:
        """Whether the role is for `team`, `None` being no team."""
        return self.teams is None or team in self.teams


ROOT_ACTOR_ID: Final = "root"
ROOT: Final = AdminIdentity(actor_id=ROOT_ACTOR_ID, role="owner")
"""Whoever holds GROQ_ADMIN_KEY."""


def may_not(caller: AdminIdentity, need: Need) -> str:
    """Why `caller` is refused: its role and what the need takes, in one line."""
    role = f"Role `{caller.role}`"
    if caller.teams is not None:
        role += f" of {_listed(caller.teams)}"
    elsewhere = " here" if caller.may(need) else ""
    return f"{role} may not {WORDS[need]}{elsewhere}: that takes {holders(need)}"


def _listed(teams: frozenset[str]) -> str:
    names = sorted(teams)
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return f"{shown} and {len(names) - 3} more teams" if len(names) > 3 else shown or "no team"


def holders(need: Need, team: str = "the object's team") -> str:
    """The roles that cover `need`, in words; `team` is what to call the team that a role is for."""
    roles = [role for role in RIGHTS if need in RIGHTS[role]]
    words = [f"`{role}` of {team}" if NAMES_TEAMS[role] == "must" else f"`{role}`" for role in roles]
    if need not in OF_A_TEAM and need not in _OF_NOBODY:
        words = [
            f"{word} of all teams" if NAMES_TEAMS[role] == "may" else word
            for role, word in zip(roles, words, strict=True)
        ]
    return " or ".join(words)
