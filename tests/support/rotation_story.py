"""One stack with one key, run after run, against a real gateway in this process."""

from itertools import count
from typing import Any

import httpx

from in_process_gateway import MODEL, Cut, InProcessGateway, ProcessDiedError, Wire
from pulumi_groq.errors import GroqError
from pulumi_groq.models.api_key import ApiKey
from stand_in_engine import Engine

_stacks = count()

Declared = dict[str, Any]
MONTHLY: Declared = {"rotation": {"every_days": 30}}


class Deaf(Wire):
    """Loses the answers to the first `looks` requests."""

    def __init__(self, gateway: InProcessGateway, looks: int) -> None:
        super().__init__(gateway)
        self.looks = looks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if len(self.sent) <= self.looks:
            raise httpx.ReadError("connection reset")
        return answer


class Away(Wire):
    """Answers the first `looks` requests as a proxy does whose server is away."""

    def __init__(self, gateway: InProcessGateway, looks: int) -> None:
        super().__init__(gateway)
        self.looks = looks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        return httpx.Response(503, text="<html>") if len(self.sent) <= self.looks else answer


class Story:
    """One stack with one key, run after run."""

    def __init__(self, gateway: InProcessGateway) -> None:
        self.gateway = gateway
        self.engine = Engine()
        self.stack = f"acme/cuts/{next(_stacks)}"
        self.values: dict[str, str] = {}

    def up(self, declared: Declared, wire: Wire | None = None) -> Wire:
        key = {"name": "chatbot-prod", "allowed_models": [MODEL], "requests_per_minute": 500}
        wire = wire or Wire(self.gateway)
        try:
            self.engine.up(wire, {**key, "managed_by": self.stack, "declared_as": "chatbot-prod", **declared})
        finally:
            self.values |= wire.minted
        return wire

    def is_cut_off(self, declared: Declared, cut: Cut, at: int) -> bool:
        """A run that something happens to; False when it got over a lost answer."""
        try:
            self.up(declared, Wire(self.gateway, cut, at))
        except (GroqError, ProcessDiedError):
            return True
        return False

    def live(self) -> dict[str, ApiKey]:
        return dict(Wire(self.gateway).client().snapshot(managed_by=self.stack).keys)

    def holds_what_is_live(self) -> None:
        """The state names exactly the live keys, and holds the value of the newest."""
        state = self.engine.state
        assert {state.key_id, state.previous_key_id} - {None} == set(self.live())
        assert state.api_key is not None
        assert self.values[state.api_key] == state.key_id
