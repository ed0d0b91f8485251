"""Whose an object is: writes and deletes that name a claim, alike for all five kinds of objects."""

from dataclasses import dataclass
from typing import Any

import pytest

from admin_plane import Api

MODEL = "llama-3.1-8b-instant"


TRUST = {"issuer": "https://issuer.example.com", "audience": "groq", "claims": {"sub": "job"}}


@dataclass(frozen=True)
class Kind:
    """One kind of object over HTTP: how it is created, what a later write says, and what a change."""

    path: str
    creation: dict[str, Any]
    write: dict[str, Any]
    change: dict[str, Any]


def put(path: str, body: dict[str, Any], change: dict[str, Any]) -> Kind:
    """A kind whose objects are written whole."""
    return Kind(path, body, body, {**body, **change})


KINDS = {
    "team": put("/teams/research", {"allowed_models": [MODEL]}, {"allowed_models": ["openai/gpt-oss-20b"]}),
    "policy": put("/spend-policy", {"monthly_cap_usd": 50}, {"monthly_cap_usd": 60}),
    "identity": put("/workload-identities/ci", {**TRUST, "admin_role": "viewer"}, {"admin_role": "auditor"}),
    "key": Kind("/api-keys", {"name": "web", "allowed_models": [MODEL]}, {}, {"requests_per_minute": 7}),
    "admin key": Kind("/admin-keys", {"name": "ci", "role": "viewer"}, {}, {"role": "auditor"}),
}


class Owned:
    """One object that several declarations claim in turn."""

    def __init__(self, api: Api, kind: Kind) -> None:
        self.api, self.kind, self.path = api, kind, kind.path

    def claimed(self, claim: str | None = None, stack: str = "o/p/s", name: str = "a") -> None:
        """Write the object for the declaration `name`, taking it over; without a claim as by hand."""
        owner = {} if claim is None else {"claim": claim, "managed_by": stack, "declared_as": name}
        if self.path in {"/api-keys", "/admin-keys"}:
            answer = self.api.call("POST", self.path, json={**self.kind.creation, **owner})
            self.path += f"/{answer.json()['id']}"
        else:
            answer = self.written(self.kind.write, owner, take_over="true")
        assert answer.status_code in {200, 201}

    def written(self, body: dict[str, Any], owner: dict[str, Any], **query: str) -> Any:
        """The answer to a write over the object."""
        method = "PATCH" if "keys/" in self.path else "PUT"
        return self.api.call(method, self.path, json={**body, **owner}, params=query)

    @property
    def shown(self) -> dict[str, Any]:
        """The object as the admin API shows it."""
        shown: dict[str, Any] = self.api.get(self.path).json()
        return shown

    def given_up(self, claim: str | None) -> tuple[bool, str | None]:
        """Whether a delete with `claim` deleted the object, and as what it is declared if not."""
        answer = self.api.delete(self.path, **({} if claim is None else {"claim": claim})).json()
        return answer["deleted"], answer["declared_as"]

    @property
    def owner(self) -> Any:
        return self.shown["declared_as"], self.shown["claim"]


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


THEIRS = {"claim": "one", "managed_by": "o/p/s", "declared_as": "a"}
OURS = {"claim": "two", "managed_by": "o/p/t", "declared_as": "b"}


@pytest.mark.parametrize("owner", [OURS, {"claim": "two"}], ids=["of another stack", "of no stack"])
def test_another_stack_changes_nothing(owned: Owned, owner: dict[str, Any]) -> None:
    """A write in the name of another declaration is refused, saying whose the object is and what to do."""
    owned.claimed("one")
    before = owned.shown
    refused = owned.written(owned.kind.change, owner)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (409, "held_elsewhere", "claim")
    assert (
        "belongs to another stack (declared as 'a' in o/p/s): to take it over, declare it with"
        in (error["message"])
    )
    assert owned.shown == before


def test_a_former_owner_changes_nothing(owned: Owned) -> None:
    """Who has held the object before a take-over holds it for a delete only, until it asks for it back."""
    owned.claimed("one")
    owned.claimed("two", "o/p/t", "b")
    assert owned.written(owned.kind.change, THEIRS).status_code == 409
    assert owned.owner == ("b", "two")
    assert owned.written(owned.kind.change, THEIRS, take_over="true").status_code == 200
    assert owned.owner == ("a", "one")
    assert owned.written(owned.kind.write, OURS).status_code == 409


def test_the_owner_and_its_stack_change(owned: Owned) -> None:
    """The owner writes, and so does another declaration of its stack, in a rename for instance."""
    owned.claimed("one")
    assert owned.written(owned.kind.change, THEIRS).status_code == 200
    assert owned.written(owned.kind.write, {**THEIRS, "claim": "two", "declared_as": "b"}).status_code == 200
    assert owned.owner == ("b", "two")


def test_an_owner_moves_to_another_stack(owned: Owned) -> None:
    """Whoever holds the claim says where the object is declared: a stack may be renamed."""
    owned.claimed("one")
    assert owned.written(owned.kind.write, {**THEIRS, "managed_by": "o/p/t"}).status_code == 200
    assert owned.shown["managed_by"] == "o/p/t"


def test_what_nobody_holds_is_taken_without_asking(owned: Owned) -> None:
    """An object that was made by hand belongs to the first declaration that writes it."""
    owned.claimed(None)
    assert owned.written(owned.kind.write, OURS).status_code == 200
    assert owned.owner == ("b", "two")


def test_an_administrator_changes_what_a_stack_holds(owned: Owned) -> None:
    """A write by hand, without a claim, is nobody's declaration."""
    owned.claimed("one")
    assert owned.written(owned.kind.change, {}).status_code == 200
    assert owned.owner == ("a", "one")


@pytest.mark.parametrize("kind", ["key", "admin key"])
def test_a_successor_of_another_stacks_key_is_refused(api: Api, kind: str) -> None:
    """A rotation would take the key out of its owner's hands as well as an update."""
    key = Owned(api, KINDS[kind])
    key.claimed("one")
    body = {**KINDS[kind].creation, "replaces": key.path.rpartition("/")[2]}
    refused = api.call("POST", KINDS[kind].path, json={**body, **OURS})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "held_elsewhere")
    assert api.call("POST", KINDS[kind].path, json={**body, **THEIRS}).status_code == 201


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
    api.patch(created["id"], **{**place, "claim": "two", "declared_as": "b"})
    api.create(idempotency_key="k", claim="three", **place)
    assert api.get(f"/api-keys/{created['id']}").json()["declared_as"] == "b"


@pytest.mark.parametrize("kind", ["key", "admin key"])
def test_a_claim_cannot_be_cleared(api: Api, kind: str) -> None:
    """A key without its claim could be deleted by anybody."""
    key = Owned(api, KINDS[kind])
    key.claimed("one")
    answer = key.written({}, {"claim": None})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "claim")


def test_a_team_with_keys_is_kept_for_its_owner_without_a_conflict(api: Api) -> None:
    """A holder that gives up a team is not asked whether the team has keys."""
    team = Owned(api, KINDS["team"])
    team.claimed("one")
    team.claimed("two", name="b")
    api.created(team="research")
    assert team.given_up("one") == (False, "b")
    assert api.delete("/teams/research", claim="two").status_code == 409
