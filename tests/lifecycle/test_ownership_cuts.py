"""Renames, replacements and take-overs, cut off at any request: no object is lost that is still declared."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from in_process_gateway import MODEL, Cut, InProcessGateway, ProcessDiedError, Wire
from pulumi_groq.errors import GroqError, NotFoundError
from stand_in_stack import StandInStack

_numbers = count()

KINDS = ("policy", "team", "identity", "key", "adopted key")
Program = dict[str, dict[str, Any]]


@dataclass
class Story:
    """One object of one kind, declared by one or two stacks, run after run."""

    gateway: InProcessGateway
    kind: str
    number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        client = Wire(self.gateway).client()
        client.delete_spend_policy()
        self.first = StandInStack(self.kind.split()[-1], f"acme/owner/{self.number}")
        self.second = StandInStack(self.kind.split()[-1], f"acme/other/{self.number}")

    def program(self, name: str, *, take_over: bool = False) -> Program:
        """A program that declares the object under the resource name `name`."""
        if self.kind == "policy":
            return {name: {"monthly_cap_usd": 50, "adopt_existing": take_over}}
        if self.kind == "team":
            team = {"team_name": f"team-{self.number}", "allowed_models": [MODEL]}
            return {name: {**team, "adopt_existing": take_over}}
        if self.kind == "identity":
            trust = {"issuer": "https://issuer.example.com", "audience": "groq", "claims": {"sub": "job"}}
            identity = {"identity_name": f"identity-{self.number}", "admin_role": "viewer", **trust}
            return {name: {**identity, "adopt_existing": take_over}}
        key = {"name": f"key-{self.number}", "allowed_models": [MODEL], "allow_delete_in_use": True}
        return {name: {**key, "adopt_key_id": self.adopted if take_over else None}}

    @property
    def adopted(self) -> str | None:
        """The key that a later declaration takes over, of the kind that does so."""
        if self.kind != "adopted key":
            return None
        first: str
        (first,) = {key.id for key in self.live_keys()}
        return first

    def live_keys(self) -> list[Any]:
        return list(Wire(self.gateway).client().list_keys(name=f"key-{self.number}"))

    def is_there(self) -> bool:
        """Whether what every stack declares exists at the server."""
        client = Wire(self.gateway).client()
        try:
            if self.kind == "policy":
                return client.get_spend_policy().monthly_cap_usd == 50
            if self.kind == "team":
                return client.get_team(f"team-{self.number}").allowed_models == [MODEL]
            if self.kind == "identity":
                return client.get_workload_identity(f"identity-{self.number}").admin_role == "viewer"
        except NotFoundError:
            return False
        held = {each.resource_id for stack in (self.first, self.second) for each in stack.resources.values()}
        return {key.id for key in self.live_keys()} == held

    def nothing_is_left(self) -> bool:
        client = Wire(self.gateway).client()
        if self.kind == "policy":
            try:
                return client.get_spend_policy() is None
            except NotFoundError:
                return True
        if self.kind == "team":
            return f"team-{self.number}" not in {team.name for team in client.list_teams()}
        if self.kind == "identity":
            return f"identity-{self.number}" not in {each.name for each in client.list_workload_identities()}
        return self.live_keys() == []


@dataclass(frozen=True)
class Alteration:
    """What one run does to the object that the first stack declares as `old`."""

    name: str = "old"
    by_second: bool = False
    forced: bool = False
    aliased: bool = False
    targeted: bool = False

    def run(self, story: Story, wire: Wire, program: Program) -> Wire:
        stack = story.second if self.by_second else story.first
        return stack.up(
            wire,
            program,
            replace=[self.name] if self.forced else (),
            aliases={self.name: "old"} if self.aliased else None,
            targets=[self.name] if self.targeted else None,
        )


CHANGES = {
    "rename": Alteration("new"),
    "alias": Alteration("new", aliased=True),
    "re-parent with an alias": Alteration("acme:service:Chatbot$old", aliased=True),
    "re-parent without": Alteration("acme:service:Chatbot$old"),
    "other stack": Alteration(by_second=True),
    "--replace": Alteration(forced=True),
    "rename with --target": Alteration("new", targeted=True),
}


def begun(gateway: InProcessGateway, kind: str, change: Alteration) -> tuple[Story, Program]:
    """The object declared as `old` in the first stack, and the program that changes that."""
    story = Story(gateway, kind)
    story.first.up(Wire(gateway), story.program("old"))
    return story, story.program(change.name, take_over=change.name != "old" or change.by_second)


def cut_off(change: Alteration, story: Story, program: Program, cut: Cut, at: int) -> bool:
    """A run that something happens to; whether it had a delete served that it never heard of."""
    wire = Wire(story.gateway, cut, at)
    with pytest.raises((GroqError, ProcessDiedError)):
        change.run(story, wire, program)
    return cut is not Cut.BEFORE and wire.sent[-1] == "DELETE"


CASES = [
    pytest.param(kind, change, id=f"{name} of a {kind}") for name, change in CHANGES.items() for kind in KINDS
]


def requests_of(gateway: InProcessGateway, kind: str, change: Alteration) -> int:
    story, program = begun(gateway, kind, change)
    return len(change.run(story, Wire(gateway), program).sent)


@pytest.mark.parametrize(("kind", "change"), CASES)
def test_change_that_is_not_cut_off(gateway: Any, kind: str, change: Alteration) -> None:
    """The object lives on, the next run has nothing to do, and a destroy of all leaves nothing behind."""
    story, program = begun(gateway, kind, change)
    change.run(story, Wire(gateway), program)
    if not change.targeted:
        assert story.is_there()
    end(story, program, change)


@pytest.mark.parametrize("refreshed", [False, True], ids=["", "after a refresh"])
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize(("kind", "change"), CASES)
def test_next_run_after_a_cut(gateway: Any, kind: str, change: Alteration, cut: Cut, refreshed: bool) -> None:
    """Wherever the run was cut off, the next one ends with the object there, and a destroy with none."""
    for at in range(1, requests_of(gateway, kind, change) + 1):
        story, program = begun(gateway, kind, change)
        cut_off(change, story, program, cut, at)
        if refreshed:
            story.first.refresh(Wire(gateway))
            story.second.refresh(Wire(gateway))
        again = Alteration(change.name, change.by_second, aliased=change.aliased)
        again.run(story, Wire(gateway), program)
        assert story.is_there(), f"cut at request {at}"
        end(story, program, change)


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize(("kind", "change"), CASES)
def test_change_taken_back_after_a_cut(gateway: Any, kind: str, change: Alteration, cut: Cut) -> None:
    """A program that is put back after a run was cut off finds its object there.

    What it declares was deleted where the delete was served and never heard of: a refresh finds that.
    """
    for at in range(1, requests_of(gateway, kind, change) + 1):
        story, program = begun(gateway, kind, change)
        is_deleted = cut_off(change, story, program, cut, at)
        back = {"old": change.name} if change.aliased else None
        story.first.up(Wire(gateway), story.program("old"), aliases=back)
        story.second.up(Wire(gateway), {})
        if is_deleted:
            story.first.refresh(Wire(gateway))
            story.first.up(Wire(gateway), story.program("old"))
        held = {each.resource_id for each in story.first.resources.values()}
        if "key" in kind:
            assert held <= {listed.id for listed in story.live_keys()}, f"cut at request {at}"
        else:
            assert story.is_there(), f"cut at request {at}"


def end(story: Story, program: Program, change: Alteration) -> None:
    """A further run is without a write; then everything is destroyed."""
    stack = story.second if change.by_second else story.first
    if not change.targeted:
        assert stack.up(Wire(story.gateway), program).writes == []
    story.first.up(Wire(story.gateway), {})
    if change.by_second:
        assert story.is_there()
    story.second.up(Wire(story.gateway), {})
    # Where the create of a forced replacement was served but not saved, no later delete can tell itself
    # from the one that belongs to the replacement: the object is kept, and the run says so.
    assert story.nothing_is_left() or (change.forced and ": kept, for it is now" in stack.told[-1])
