"""What each role may do, for which teams."""

from typing import get_args

import pytest

from pulumi_groq.models.role import NAMES_TEAMS, AdminRole
from pulumi_groq.policy.roles import OF_A_TEAM, RIGHTS, ROOT, WORDS, AdminIdentity, Need, may_not

NEEDS: tuple[Need, ...] = get_args(Need)
OPS = frozenset({"ops"})


def test_every_role_and_need_is_in_the_table() -> None:
    """And has its words."""
    assert RIGHTS.keys() == NAMES_TEAMS.keys() == set(get_args(AdminRole))
    assert WORDS.keys() == set(NEEDS)


def test_the_root_key_may_do_everything() -> None:
    """For every team, and for what has none."""
    assert all(ROOT.may(need) for need in NEEDS)
    assert ROOT.covers("ops")
    assert ROOT.covers(None)


@pytest.mark.parametrize("role", get_args(AdminRole))
def test_named_teams_only_take_away(role: AdminRole) -> None:
    """Whoever has a role for a team may do nothing that the same role without teams may not."""
    everywhere, of_ops = AdminIdentity("a", role), AdminIdentity("a", role, OPS)
    assert all(everywhere.may(need) for need in NEEDS if of_ops.may(need))
    assert not any(of_ops.may(need) for need in NEEDS if need not in OF_A_TEAM | {"models.read"})


@pytest.mark.parametrize(("team", "expected"), [("ops", True), ("research", False), (None, False)])
def test_a_team_admin_writes_the_keys_of_its_teams(team: str | None, expected: bool) -> None:
    """Not those of another team, nor those of none."""
    assert AdminIdentity("a", "team-admin", OPS).may_for("keys.write", team) is expected


def test_a_role_of_no_team_covers_nothing() -> None:
    """An empty list of teams is not a list of all."""
    nowhere = AdminIdentity("a", "viewer", frozenset())
    assert (nowhere.covers(None), nowhere.covers("ops")) == (False, False)


@pytest.mark.parametrize(
    ("caller", "need", "expected"),
    [
        (
            AdminIdentity("a", "viewer"),
            "keys.write",
            "Role `viewer` may not create, change or delete API keys: that takes `owner` or `team-admin` of "
            "the object's team",
        ),
        (
            AdminIdentity("a", "team-admin", OPS),
            "keys.read",
            "Role `team-admin` of 'ops' may not read API keys here: that takes `owner` or `team-admin` of "
            "the object's team or `viewer`",
        ),
        (
            AdminIdentity("a", "viewer", frozenset("abcd")),
            "changes.read",
            "Role `viewer` of 'a', 'b', 'c' and 1 more teams may not read changes: that takes `owner` or "
            "`viewer` of all teams or `auditor`",
        ),
    ],
)
def test_a_refusal_names_the_role_and_the_need(caller: AdminIdentity, need: Need, expected: str) -> None:
    """In one line."""
    assert may_not(caller, need) == expected


def test_workloads_of_one_identity_are_told_apart() -> None:
    """A repeated create is answered only to whom its token was issued; a name of any length fits."""
    names = ["repo:acme/infra:ref:refs/heads/main", "repo:acme/infra:ref:refs/heads/other", "x" * 1_024]
    principals = {AdminIdentity("wid_01a", "owner", subject=name).principal for name in names}

    assert len(principals) == len(names)
    assert max(map(len, principals)) <= 128
    assert AdminIdentity("adm_01a", "owner").principal == "adm_01a"
