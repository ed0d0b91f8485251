"""From Pulumi's dynamic providers to lifecycles: property bags in, property bags out."""

import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

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
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.output import Unknown
from pulumi.runtime import rpc

from pulumi_groq.lifecycle.properties import UNKNOWN, Properties
from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.lifecycle.run import LifecycleRun
from pulumi_groq.resources.session import configured_session

if TYPE_CHECKING:
    from pulumi_groq.lifecycle.session import Session

PROVIDER: Final = "__provider"
"""The property that tells the engine's host of dynamic providers which one serves a resource."""


class LifecycleProvider(ResourceProvider):
    """Serves one lifecycle to the engine.

    The instance is pickled into the state of every resource. Subclasses are importable and
    instances hold nothing before `configure`, so what is pickled is a constant: the class's name.
    """

    _run: LifecycleRun

    def lifecycle(self, session: "Session") -> Lifecycle[Any, Any]:
        """The lifecycle that this provider serves."""
        raise NotImplementedError

    def configure(self, req: ConfigureRequest) -> None:
        # Errors are one line already; a traceback below them would only bury them. This is the
        # provider's process: where the program runs, the same setting would hang the SDK.
        sys.tracebacklimit = 0
        self.serve(self.lifecycle(configured_session(req.config)))

    def serve(self, lifecycle: Lifecycle[Any, Any]) -> None:
        """Serve `lifecycle` for the rest of this process: one run of the engine."""
        self._run = LifecycleRun(lifecycle)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        checked = self._run.check(_received(_olds), _received(news))
        failures = [CheckFailure(failure.property, failure.reason) for failure in checked.failures]
        return CheckResult(_sent(checked.inputs), failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        change = self._run.diff(_id, _received(_olds), _received(_news))
        return DiffResult(
            changes=bool(change.changed),
            replaces=list(change.replaces),
            delete_before_replace=change.delete_before_replace,
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(*self._run.create(_received(props)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        found = self._run.read(id_, _received(props))
        return ReadResult("", {}, {}) if found is None else ReadResult(id_, found.state, found.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._run.update(_id, _received(_olds), _received(_news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        self._run.delete(_id, _received(_props))


@cache
def pickled(provider: Callable[[], LifecycleProvider]) -> str:
    """An instance of the class `provider` as it stands in states, pickled the SDK's way.

    Its module must be loaded to its end: until then the pickle holds the class itself, not its name.
    """
    return str(serialize_provider(provider()))


def _received(properties: Mapping[str, Any]) -> Properties:
    return {name: _known(value) for name, value in properties.items() if name != PROVIDER}


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
