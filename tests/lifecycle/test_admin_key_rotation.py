"""An admin key's rotations against the real gateway: by age, cut off anywhere, in use, in an emergency."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from in_process_gateway import Cut, InProcessGateway, ProcessDiedError, Wire, in_process_gateway
from pulumi_groq.admin import AdminKeyListing
from pulumi_groq.errors import GroqError, InvalidApiKeyError
from pulumi_groq.lifecycle.admin_key import AdminKeyArgs, AdminKeyLifecycle, AdminKeyState
from pulumi_groq.lifecycle.properties import parse
from stand_in_engine import Engine

MONTHLY = {"rotation": {"every_days": 30}}
LONG_OVERLAP = {"rotation": {"every_days": 30, "overlap_hours": 72}}
PLACE = {"name": "research", "managed_by": "acme/infra/prod", "declared_as": "research"}


class AdminEngine(Engine):
    """The engine above one admin key."""

    args = AdminKeyArgs

    @property
    def state(self) -> AdminKeyState:
        return parse(AdminKeyState, self.outputs)

    def _lifecycle(self, wire: Wire) -> AdminKeyLifecycle:
        client = wire.client()
        return AdminKeyLifecycle(client, AdminKeyListing(client), self.told.append)


class Story:
    """One stack with one admin key, run after run."""

    def __init__(self, gateway: InProcessGateway) -> None:
        self.gateway = gateway
        self.engine = AdminEngine()

    def up(self, declared: dict[str, Any], wire: Wire | None = None) -> AdminKeyState:
        self.engine.up(wire or Wire(self.gateway), {"role": "viewer", **PLACE, **declared})
        return self.engine.state

    def live(self) -> dict[str, str]:
        """The roles of the live keys, by id."""
        return {key.id: key.role for key in Wire(self.gateway).client().list_admin_keys()}

    def use(self, value: str | None) -> None:
        assert value is not None
        Wire(self.gateway).client(value).list_teams()

    def holds_what_is_live(self) -> None:
        state = self.engine.state
        assert {state.key_id, state.previous_key_id} - {None} == set(self.live())
        self.use(state.admin_key)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path) as running:
        yield running


@pytest.fixture
def story(gateway: InProcessGateway) -> Callable[[], Story]:
    """A new stack, on a gateway without admin keys."""

    def begin() -> Story:
        client = Wire(gateway).client()
        for key in client.list_admin_keys():
            client.delete_admin_key(key.id)
        return Story(gateway)

    return begin


def test_a_whole_rotation(gateway: InProcessGateway, story: Callable[[], Story]) -> None:
    """The successor has a value of its own; the predecessor works until it is past its overlap and quiet."""
    told = story()
    first = told.up(MONTHLY)
    assert told.up(MONTHLY) == first
    gateway.advance(timedelta(days=31))
    second = told.up(MONTHLY)
    assert (second.generation, second.previous_key_id, second.lineage_id) == (2, first.key_id, first.key_id)
    assert second.admin_key != first.admin_key
    for value in (first.admin_key, second.admin_key):
        told.use(value)
    gateway.advance(timedelta(hours=25))
    told.use(first.admin_key)
    kept = told.up(MONTHLY)
    assert kept.previous_key_id == first.key_id
    assert "is past its overlap but still in use" in told.engine.told[-1]
    gateway.advance(timedelta(hours=25))
    retired = told.up(MONTHLY)
    assert (retired.previous_key_id, set(told.live())) == (None, {second.key_id})
    with pytest.raises(InvalidApiKeyError):
        told.use(first.admin_key)
    told.engine.destroy(Wire(gateway))
    assert told.live() == {}


STEPS: dict[str, tuple[list[tuple[dict[str, Any], timedelta]], dict[str, Any], int]] = {
    "the first create": ([], MONTHLY, 1),
    "a rotation by age": ([(MONTHLY, timedelta(days=31))], MONTHLY, 2),
    "a retirement": ([(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(days=2))], MONTHLY, 1),
    "another role in the overlap": (
        [(LONG_OVERLAP, timedelta(days=31)), (LONG_OVERLAP, timedelta(hours=1))],
        {**LONG_OVERLAP, "role": "owner"},
        2,
    ),
    "an emergency": ([(MONTHLY, timedelta(days=3))], {"rotation": {"emergency_trigger": "leak"}}, 1),
}


@pytest.mark.parametrize("later", [timedelta(), timedelta(hours=25)], ids=["at once", "a day later"])
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_the_next_run_finishes(
    step: Any, cut: Cut, later: timedelta, gateway: InProcessGateway, story: Callable[[], Story]
) -> None:
    """Wherever a run was cut off, the next one ends with the keys, the role and the value that were meant."""
    before, declared, keys = step

    def led() -> Story:
        begun = story()
        for earlier, span in before:
            begun.up(earlier)
            gateway.advance(span)
        return begun

    whole = Wire(gateway)
    led().up(declared, whole)
    for at in range(1, len(whole.sent) + 1):
        interrupted = led()
        try:
            interrupted.up(declared, Wire(gateway, cut, at))
        except (GroqError, ProcessDiedError):
            gateway.advance(later)
        interrupted.up(declared)
        assert set(interrupted.live().values()) == {declared.get("role", "viewer")}
        assert len(interrupted.live()) == keys, f"cut at request {at}"
        interrupted.holds_what_is_live()


def test_a_refresh_sees_the_predecessor(gateway: InProcessGateway, story: Callable[[], Story]) -> None:
    """And that it was deleted elsewhere."""
    told = story()
    first = told.up(MONTHLY)
    gateway.advance(timedelta(days=31))
    told.up(MONTHLY)
    told.engine.refresh(Wire(gateway))
    assert told.engine.state.previous_key_id == first.key_id
    Wire(gateway).client().delete_admin_key(first.key_id)
    told.engine.refresh(Wire(gateway))
    assert told.engine.state.previous_key_id is None
    assert "was deleted elsewhere" in told.engine.told[-1]
