"""Every interleaving of runs, crashes, lost answers, time and traffic keeps a key's lineage sound.

The lifecycle, the admin client and the gateway are the real ones; only the engine is a stand-in.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from in_process_gateway import MODEL, Cut, InProcessGateway, ProcessDiedError, Wire, in_process_gateway
from pulumi_groq.errors import ConflictError, GroqError, RotationRefusedError
from pulumi_groq.models.api_key import ApiKey, ApiKeyUpdate
from stand_in_engine import Engine

OVERLAP = QUIET = timedelta(hours=24)
"""The defaults of a schedule, which also hold after one was removed: services may rely on them throughout."""

LIMITS = [200_000, 300_000, None]
NO_TIME = timedelta()
SPANS = [timedelta(days=31), NO_TIME, timedelta(hours=25), timedelta(hours=5)]
CALLS_PER_RUN = 7
"""A run that does everything sends about so many requests: cuts are spread over all of them."""

_stacks = count()


class Rotations(RuleBasedStateMachine):
    """One declared key, the runs that keep it, and the services that use it.

    `excused` are the ids of keys that may fail their users: revoked in an emergency, deleted or
    disabled elsewhere. `astray` says that something happened elsewhere that no refresh has seen.
    """

    def __init__(self, gateway: InProcessGateway) -> None:
        super().__init__()
        self.gateway = gateway
        self.engine = Engine()
        self.stack = f"acme/rotation/{next(_stacks)}"
        self.rotation: dict[str, Any] | None = {"every_days": 30}
        self.limit: int | None = LIMITS[0]
        self.values: dict[str, str] = {}
        self.excused: set[str] = set()
        self.astray = False
        self.polled: tuple[str, datetime] | None = None
        self.laggard: tuple[str, datetime] | None = None

    # What people and services do.

    @initialize()
    def first_run(self) -> None:
        self.run_undisturbed()
        self.consumer_reads()

    @rule(after=st.sampled_from(SPANS))
    def run_undisturbed(self, after: timedelta = NO_TIME) -> None:
        """A run in which nothing goes wrong ends with exactly the keys that its state names."""
        self.time_passes(after)
        before = self.live()
        try:
            self.up()
        except RotationRefusedError:
            assert self.rotation is not None
            assert (
                self.engine.state.rotation is None
                or self.rotation.get("trigger") != self.engine.state.rotation.trigger
            )
            assert self.live() == before
            return
        except GroqError:
            assert self.astray  # a key is gone that the state still names: a refresh is due
            assert self.engine.state.rotation is None
            return
        if self.astray and self.rotation is None:
            return  # nothing asks for a look at the gateway: a refresh is due
        state = self.engine.state
        assert {state.key_id, state.previous_key_id} - {None} == set(self.live())
        assert state.api_key is not None
        assert self.values[state.api_key] == state.key_id
        outputs = dict(self.engine.outputs)
        assert self.up() == []
        assert outputs == self.engine.outputs

    @rule(
        after=st.sampled_from(SPANS),
        cut=st.sampled_from(Cut),
        at=st.integers(min_value=1, max_value=CALLS_PER_RUN),
    )
    def run_cut_off(self, after: timedelta, cut: Cut, at: int) -> None:
        """A run whose process dies at some request, or that never gets one of its answers."""
        self.time_passes(after)
        try:
            self.up(cut, at)
        except (GroqError, ProcessDiedError):
            return

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span: timedelta) -> None:
        """No service goes longer than the overlap without reading its key again."""
        self.gateway.advance(span)
        if self.polled is None or self.gateway.now() - self.polled[1] >= OVERLAP:
            self.consumer_reads()

    @rule()
    def consumer_reads(self) -> None:
        """A service takes the value that the state holds."""
        held = self.engine.state.api_key if self.engine.exists else None
        self.polled = (held, self.gateway.now()) if held else None

    @precondition(lambda self: self.polled)
    @rule()
    def consumer_calls(self) -> None:
        """A service uses its key, whichever it read last."""
        assert self.polled is not None
        value, _ = self.polled
        self.call(value)

    @precondition(lambda self: self.polled)
    @rule()
    def laggard_calls(self) -> None:
        """A service that never reads its key again calls, and calls again within the quiet period."""
        if self.laggard is None or self.gateway.now() - self.laggard[1] >= QUIET:
            self.laggard = self.polled
        assert self.laggard is not None
        value, _ = self.laggard
        self.call(value)
        self.laggard = (value, self.gateway.now())

    @rule(
        limit=st.sampled_from(LIMITS),
        every_days=st.sampled_from([30, 2, None]),
        trigger=st.sampled_from([None, "a", "b"]),
        emergency_trigger=st.sampled_from([None, None, "leak"]),
        freeze_days=st.sampled_from([0, 0, 0, 2]),
        rotates=st.sampled_from([True, True, False]),
    )
    def declare(
        self,
        limit: int | None,
        every_days: int | None,
        trigger: str | None,
        emergency_trigger: str | None,
        freeze_days: int,
        rotates: bool,
    ) -> None:
        """The program is changed; the next run sees it."""
        now = self.gateway.now()
        window = {"start": now.isoformat(), "end": (now + timedelta(days=freeze_days)).isoformat()}
        self.limit = limit
        self.rotation = {
            "every_days": every_days,
            "trigger": trigger,
            "emergency_trigger": emergency_trigger,
            "freeze_windows": [window] if freeze_days else [],
        }
        if not rotates:
            self.rotation = None

    @rule()
    def refresh(self) -> None:
        """A refresh sees everything that happened elsewhere."""
        if self.engine.exists:
            wire = Wire(self.gateway)
            self.engine.refresh(wire)
            assert wire.writes == []
        self.astray = False

    @rule(which=st.integers(min_value=0, max_value=1), deleted=st.booleans())
    def interference(self, which: int, deleted: bool) -> None:
        """Somebody deletes or disables a key elsewhere: whoever uses it has to bear it."""
        ids = list(self.live())
        if not ids:
            return
        key_id = ids[which % len(ids)]
        self.astray = True
        self.excused.add(key_id)
        client = Wire(self.gateway).client()
        if deleted:
            client.delete_key(key_id)
        else:
            client.update_key(key_id, ApiKeyUpdate(disabled=True))

    @precondition(lambda self: self.engine.exists)
    @rule()
    def destroy(self) -> None:
        """Nothing is left, or, while a key is in use, everything is as it was.

        Where all keys were deleted elsewhere, one that a run made since and could not save is found by
        the next create only.
        """
        before = self.live()
        try:
            self.engine.destroy(Wire(self.gateway))
        except ConflictError:
            assert self.live() == before
            return
        assert self.live() == {} or self.astray
        self.polled = self.laggard = None

    # What must hold at every moment.

    @invariant()
    def lineage_is_sound(self) -> None:
        """At most two keys; served is who reads within the overlap, or calls within the quiet period."""
        live = self.live()
        assert len(live) <= 2
        if self.polled is not None:
            assert self.serves(self.polled[0], live)
        if self.laggard is not None and self.gateway.now() - self.laggard[1] < QUIET:
            assert self.serves(self.laggard[0], live)

    def teardown(self) -> None:
        """Left alone with a run every few days, every lineage ends with one key."""
        self.refresh()
        self.rotation = {}
        for _ in range(4):
            self.run_undisturbed()
            self.time_passes(timedelta(days=3))
        assert set(self.live()) == {self.engine.state.key_id}
        assert {key.requests_per_minute for key in self.live().values()} == {self.limit}

    # How it is done.

    def up(self, cut: Cut | None = None, at: int = 0) -> list[str]:
        """One run; the writes that it sent."""
        declared = {
            "name": "chatbot-prod",
            "allowed_models": [MODEL],
            "requests_per_minute": self.limit,
            "managed_by": self.stack,
            "declared_as": "chatbot-prod",
            "rotation": self.rotation,
        }
        if self.is_emergency():
            self.excused |= set(self.live())
        wire = Wire(self.gateway, cut, at)
        try:
            self.engine.up(wire, declared)
        finally:
            self.values |= wire.minted
        return wire.writes

    def is_emergency(self) -> bool:
        acted_on = self.engine.state.rotation if self.engine.exists else None
        wanted = (self.rotation or {}).get("emergency_trigger")
        return wanted is not None and wanted != (acted_on.emergency_trigger if acted_on else None)

    def live(self) -> dict[str, ApiKey]:
        return dict(Wire(self.gateway).client().snapshot(managed_by=self.stack).keys)

    def call(self, value: str) -> None:
        assert self.gateway.chat(value) == 200 or self.values[value] in self.excused

    def serves(self, value: str, live: Mapping[str, ApiKey]) -> bool:
        key = live.get(self.values[value])
        return (key is not None and key.status == "active") or self.values[value] in self.excused


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessGateway]:
    """One gateway for all examples: each has a stack of its own."""
    with in_process_gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.mark.timeout(600)  # only where it fails, and an example is made small
def test_rotation_survives_every_interleaving(gateway: InProcessGateway) -> None:
    """At most two keys, no gap for those who read or call in time, and always back to what is declared."""
    run_state_machine_as_test(
        lambda: Rotations(gateway),  # type: ignore[arg-type]  # it says a class and takes whatever makes one
        settings=settings(
            max_examples=80,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
