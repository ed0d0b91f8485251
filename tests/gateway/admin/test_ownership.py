"""Whose an object is: take-overs and deletes that name a claim, alike for keys, teams and the policy."""

from dataclasses import dataclass
from typing import Any

import pytest

from admin_plane import Api

MODEL = "llama-3.1-8b-instant"


@dataclass(frozen=True)
class Kind:
    """One kind of object over HTTP."""

    path: str
    body: dict[str, Any]


KINDS = {
    "team": Kind("/teams/research", {"allowed_models": [MODEL]}),
    "policy": Kind("/spend-policy", {"monthly_cap_usd": 50}),
    "key": Kind("/api-keys", {}),
}


class Owned:
    """One object that several declarations claim in turn."""

    def __init__(self, api: Api, kind: Kind) -> None:
        self.api, self.kind, self.path = api, kind, kind.path

    def claimed(self, claim: str | None = None, stack: str = "o/p/s", name: str = "a") -> dict[str, Any]:
        """The object, written by the declaration `name`; without a claim as by hand."""
        owner = {} if claim is None else {"claim": claim, "managed_by": stack, "declared_as": name}
        if self.kind.path != "/api-keys":
            answer = self.api.call("PUT", self.path, json={**self.kind.body, **owner})
        elif self.path == self.kind.path:
            created = self.api.created(**owner)
            self.path = f"/api-keys/{created['id']}"
            return created
        else:
            answer = self.api.patch(self.path.rpartition("/")[2], **owner)
        assert answer.status_code == 200
        shown: dict[str, Any] = answer.json()
        return shown

    def given_up(self, claim: str | None) -> tuple[bool, str | None]:
        """Whether a delete with `claim` deleted the object, and as what it is declared if not."""
        answer = self.api.delete(self.path, **({} if claim is None else {"claim": claim})).json()
        return answer["deleted"], answer["declared_as"]

    @property
    def owner(self) -> Any:
        shown = self.api.get(self.path).json()
        return shown["declared_as"], shown["claim"]


@pytest.fixture(params=list(KINDS))
def owned(request: Any, api: Api) -> Owned:
    return Owned(api, KINDS[request.param])


def test_the_owner_deletes(owned: Owned) -> None:
    """The only declaration that holds the object ends it."""
    owned.claimed("one")
    assert owned.given_up("one") == (True, None)
    assert owned.api.get(owned.path).status_code == 404


def test_a_stranger_deletes_nothing(owned: Owned) -> None:
    """A claim that does not hold the object ends nothing, however often it is given up."""
    owned.claimed("one")
    assert [owned.given_up("other"), owned.given_up("other")] == [(False, "a"), (False, "a")]
    assert owned.owner == ("a", "one")


@pytest.mark.parametrize("stack", ["o/p/s", "o/p/t"])
def test_the_last_holder_deletes_in_either_order(owned: Owned, stack: str) -> None:
    """After a take-over both hold the object: a rename may be finished or taken back."""
    owned.claimed("one")
    owned.claimed("two", stack, "b")
    assert owned.owner == ("b", "two")
    assert owned.given_up("one") == (False, "b")
    assert owned.given_up("two") == (True, None)


def test_ownership_falls_back_to_the_former_holder(owned: Owned) -> None:
    """A take-over that is taken back leaves the object to whom it was taken from."""
    owned.claimed("one")
    owned.claimed("two", name="b")
    assert owned.given_up("two") == (False, "a")
    assert owned.given_up("two") == (False, "a")  # a repeated request whose answer was lost
    assert owned.owner == ("a", "one")
    assert owned.given_up("one") == (True, None)


def test_a_place_holds_once(owned: Owned) -> None:
    """A repeated create at one place, and a forced replacement there, leave its former claim without hold."""
    owned.claimed("one")
    owned.claimed("two")
    assert owned.given_up("one") == (False, "a")
    assert owned.given_up("two") == (True, None)


def test_a_change_by_hand_leaves_the_owner(owned: Owned) -> None:
    """A body that says nothing of an owner keeps it, and a delete without a claim deletes."""
    owned.claimed("one")
    owned.claimed(None)
    assert owned.owner == ("a", "one")
    assert owned.given_up(None) == (True, None)


def test_what_nobody_holds_is_deleted_with_any_claim(owned: Owned) -> None:
    """An object that was made by hand and imported has no holder to wait for."""
    owned.claimed(None)
    assert owned.given_up("any") == (True, None)


def test_a_taken_over_object_survives_a_restart(owned: Owned) -> None:
    """The holders are in the store: they are told apart by what is read back from it."""
    for claim in ("one", "two", "three"):
        owned.claimed(claim, name=claim)
    assert owned.given_up("three") == (False, "two")
    assert owned.given_up("one") == (False, "two")
    assert owned.given_up("two") == (True, None)


def test_a_replayed_create_moves_the_claim(api: Api) -> None:
    """The run that repeats a create holds the key; the claim is no part of what must be the same."""
    place = {"managed_by": "o/p/s", "declared_as": "a"}
    first, again = (api.create(idempotency_key="k", claim=claim, **place).json() for claim in ("one", "two"))
    assert (first["api_key"], first["claim"]) == (again["api_key"], "one")
    assert again["claim"] == "two"
    assert api.delete(f"/api-keys/{first['id']}", claim="one").json()["deleted"] is False
    assert api.delete(f"/api-keys/{first['id']}", claim="two").json()["deleted"] is True


def test_a_replay_does_not_take_back_what_has_moved(api: Api) -> None:
    """A key that another declaration took over since stays with it."""
    place = {"managed_by": "o/p/s", "declared_as": "a"}
    created = api.create(idempotency_key="k", claim="one", **place).json()
    api.patch(created["id"], claim="two", declared_as="b")
    api.create(idempotency_key="k", claim="three", **place)
    assert api.get(f"/api-keys/{created['id']}").json()["declared_as"] == "b"


def test_a_claim_cannot_be_cleared(api: Api) -> None:
    """A key without its claim could be deleted by anybody."""
    created = api.created(claim="one")
    answer = api.patch(created["id"], claim=None)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "claim")


def test_a_team_with_keys_is_kept_for_its_owner_without_a_conflict(api: Api) -> None:
    """A holder that gives up a team is not asked whether the team has keys."""
    team = Owned(api, KINDS["team"])
    team.claimed("one")
    team.claimed("two", name="b")
    api.created(team="research")
    assert team.given_up("one") == (False, "b")
    assert api.delete("/teams/research", claim="two").status_code == 409
