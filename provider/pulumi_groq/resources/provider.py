"""From Pulumi's dynamic providers to lifecycles: property bags in, property bags out."""

import sys
from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pydantic import BaseModel

from pulumi_groq.lifecycle.properties import UNKNOWN, Properties, dump, parse
from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.resources.session import Session, configured_session

_PROVIDER = "__provider"


class LifecycleProvider(ResourceProvider):
    """Serves one lifecycle to the engine.

    Pulumi pickles the instance into the state of every resource. Subclasses are importable and
    instances hold nothing before `configure`, so what is pickled is a constant: the class's name.
    """

    serialize_as_secret_always: bool = False  # nothing in it is secret
    _lifecycle: Lifecycle[Any, Any]

    def lifecycle(self, session: Session) -> Lifecycle[Any, Any]:
        """The lifecycle that this provider serves."""
        raise NotImplementedError

    def configure(self, req: ConfigureRequest) -> None:
        # Errors are one line already; a traceback below them would only bury them. This is the
        # provider's process: where the program runs, the same setting would hang the SDK.
        sys.tracebacklimit = 0
        self.serve(self.lifecycle(configured_session(req.config)))

    def serve(self, lifecycle: Lifecycle[Any, Any]) -> None:
        """Serve `lifecycle` for the rest of this process: one run of the engine."""
        self._lifecycle = lifecycle

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        checked = self._lifecycle.check(_received(_olds), _received(news))
        failures = [CheckFailure(failure.property, failure.reason) for failure in checked.failures]
        return CheckResult(_sent(checked.inputs), failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        change = self._lifecycle.diff(_id, _received(_olds), _received(_news))
        return DiffResult(
            changes=bool(change.changed),
            replaces=list(change.replaces),
            # A replacement that no property asks for (`replace_on_changes`) keeps name and address,
            # which two objects cannot share: the old one goes first.
            delete_before_replace=not change.replaces,
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        resource_id, state = self._lifecycle.create(parse(self._lifecycle.args, _received(props)))
        return CreateResult(resource_id, dump(state))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        received = _received(props)
        known = _holds(self._lifecycle.state, received)  # a `get` by id comes without a state
        state = self._lifecycle.read(id_, parse(self._lifecycle.state, received) if known else None)
        if state is None:
            return ReadResult("", {}, {})
        return ReadResult(id_, dump(state), dump(_arguments(self._lifecycle.args, state)))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        state = parse(self._lifecycle.state, _received(_olds))
        args = parse(self._lifecycle.args, _received(_news))
        return UpdateResult(dump(self._lifecycle.update(_id, state, args)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        # The engine tells a provider nothing of a replacement that it forces (`--replace`): the create
        # took the old object over, and the server keeps it, for another claim holds it.
        self._lifecycle.delete(_id, parse(self._lifecycle.state, _received(_props)))


def _arguments(args: type[BaseModel], state: BaseModel) -> BaseModel:
    return args.model_validate({name: getattr(state, name) for name in args.model_fields})


def _holds(state: type[BaseModel], properties: Properties) -> bool:
    return all(name in properties for name, field in state.model_fields.items() if field.is_required())


def _received(properties: Mapping[str, Any]) -> Properties:
    return {name: _known(value) for name, value in properties.items() if name != _PROVIDER}


def _known(value: Any) -> Any:
    """`value` with the lifecycle's unknowns for the SDK's: objects here, a constant on the wire."""
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return UNKNOWN if isinstance(value, Unknown) or value == rpc.UNKNOWN else value


def _sent(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _wire(value) for name, value in properties.items()}


def _wire(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _wire(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_wire(item) for item in value]
    return rpc.UNKNOWN if value is UNKNOWN else value
