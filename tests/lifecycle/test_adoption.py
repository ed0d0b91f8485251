"""What exists already is taken over only where that cannot surprise anybody."""

from itertools import count
from typing import Any

import pytest

from in_process_gateway import MODEL, InProcessGateway, Wire
from pulumi_groq.errors import ConfigurationError, ConflictError, GroqError
from pulumi_groq.models.team import TeamSettings
from stand_in_stack import StandInStack

OTHER_MODEL = "openai/gpt-oss-120b"
_numbers = count()


class Declaring:
    """Two stacks that declare one object of a kind."""

    def __init__(self, gateway: InProcessGateway, kind: str) -> None:
        self.gateway = gateway
        self.kind = kind
        self.number = next(_numbers)
        self.first = StandInStack(kind, f"acme/first/{self.number}")
        self.second = StandInStack(kind, f"acme/second/{self.number}")
        Wire(gateway).client().delete_spend_policy()

    def arguments(self, *, changed: bool = False, **more: Any) -> dict[str, Any]:
        if self.kind == "policy":
            return {"monthly_cap_usd": 60 if changed else 50, **more}
        models = [OTHER_MODEL] if changed else [MODEL]
        if self.kind == "identity":
            trust = {"issuer": "https://issuer.example.com", "audience": "groq", "claims": {"sub": "job"}}
            name = f"identity-{self.number}"
            return {**trust, "identity_name": name, "allowed_models": models, **more}
        return {"team_name": f"team-{self.number}", "allowed_models": models, **more}

    def up(self, stack: StandInStack, name: str, **declared: Any) -> None:
        stack.up(Wire(self.gateway), {name: self.arguments(**declared)})


@pytest.fixture(params=["policy", "team", "identity"])
def declaring(request: pytest.FixtureRequest, gateway: InProcessGateway) -> Declaring:
    return Declaring(gateway, request.param)


def test_other_stacks_object_is_refused(declaring: Declaring) -> None:
    """Even an equal one: the first stack's next run would set it back, and a destroy take it along."""
    declaring.up(declaring.first, "one")
    with pytest.raises(ConfigurationError, match=r"belongs to another stack \(declared as 'one' in acme/fir"):
        declaring.up(declaring.second, "one")


def test_renamed_and_changed_in_one_run_is_refused(declaring: Declaring) -> None:
    """It looks like a second declaration of the same object: the message names what differs."""
    declaring.up(declaring.first, "one")
    field = "monthly_cap_usd" if declaring.kind == "policy" else "allowed_models"
    with pytest.raises(ConfigurationError, match=f"differs in {field}: declare it once"):
        declaring.first.up(
            Wire(declaring.gateway),
            {"one": declaring.arguments(), "two": declaring.arguments(changed=True)},
        )


def test_what_nobody_declares_is_taken_over_when_equal(gateway: InProcessGateway) -> None:
    """A team made by hand that is just so becomes the stack's; of another what differs is named."""
    declaring = Declaring(gateway, "team")
    client = Wire(gateway).client()
    client.put_team(declaring.arguments()["team_name"], TeamSettings(allowed_models=[MODEL]))
    with pytest.raises(ConfigurationError, match="differs in allowed_models: no stack declares it"):
        declaring.up(declaring.first, "one", changed=True)
    declaring.up(declaring.first, "one")
    team = client.get_team(declaring.arguments()["team_name"])
    assert (team.managed_by, team.declared_as) == (declaring.first.address, "one")


class Held(Declaring):
    """An object of any kind that the second stack has taken over from the first."""

    def __init__(self, gateway: InProcessGateway, kind: str) -> None:
        super().__init__(gateway, kind)
        self.up(self.first, "one")
        (saved,) = self.first.resources.values()
        self.object_id = saved.resource_id
        self.up(self.second, "one", **self.adopting)

    @property
    def adopting(self) -> dict[str, Any]:
        """The argument that takes the object over."""
        return {"adopt_key_id": self.object_id} if "key" in self.kind else {"adopt_existing": True}

    def arguments(self, *, changed: bool = False, **more: Any) -> dict[str, Any]:
        if self.kind == "key":
            limit = 600 if changed else 500
            return {"name": "web", "allowed_models": [MODEL], "requests_per_minute": limit, **more}
        if self.kind == "admin key":
            return {"name": "ci", "role": "billing" if changed else "viewer", **more}
        return super().arguments(changed=changed, **more)


@pytest.fixture(params=["policy", "team", "identity", "key", "admin key"])
def held(request: pytest.FixtureRequest, gateway: InProcessGateway) -> Held:
    return Held(gateway, request.param)


REFUSAL = r"belongs to another stack \(declared as 'one' in acme/second"


@pytest.mark.parametrize("refreshed", [False, True], ids=["", "after a refresh"])
def test_a_former_owners_update_is_refused(held: Held, refreshed: bool) -> None:
    """It does not write over the new owner's, nor take the object back unasked; asked for, it does."""
    if refreshed:
        held.first.refresh(Wire(held.gateway))
    with pytest.raises(ConflictError, match=REFUSAL):
        held.up(held.first, "one", changed=True)
    held.up(held.second, "one", changed=True)
    held.up(held.first, "one", changed=not refreshed, **held.adopting)
    with pytest.raises(ConflictError, match=r"belongs to another stack \(declared as 'one' in acme/first"):
        held.up(held.second, "one")


def test_a_refresh_alone_takes_nothing_back(held: Held) -> None:
    """A program that did not change sees whose the object is, and does not make it its own again."""
    held.first.refresh(Wire(held.gateway))
    with pytest.raises(ConflictError, match=REFUSAL):
        held.up(held.first, "one")
    assert held.second.up(Wire(held.gateway), {"one": held.arguments()}).writes == []


@pytest.mark.parametrize("trigger", [{"trigger": "1"}, {"emergency_trigger": "1"}])
def test_a_former_owner_does_not_rotate(gateway: InProcessGateway, trigger: dict[str, str]) -> None:
    """Neither a rotation nor an emergency of who held the key before touches what another stack hands out."""
    held = Held(gateway, "key")
    with pytest.raises(GroqError, match=REFUSAL):
        held.up(held.first, "one", rotation=trigger)
    (key,) = Wire(gateway).client().list_keys(managed_by=held.second.address)
    assert (key.id, key.status) == (held.object_id, "active")
