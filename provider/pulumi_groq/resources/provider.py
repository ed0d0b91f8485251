"""From Pulumi's dynamic providers to lifecycles: property bags in, property bags out."""

import sys
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

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

from pulumi_groq.errors import ConfigurationError, GroqError
from pulumi_groq.lifecycle.fault import fault_in_words
from pulumi_groq.lifecycle.properties import UNKNOWN, Properties
from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.lifecycle.run import LifecycleRun
from pulumi_groq.models.markers import SECRET, marked
from pulumi_groq.resources.session import configured_session

if TYPE_CHECKING:
    from pulumi_groq.lifecycle.session import Session

PROVIDER: Final = "__provider"
"""The property that tells the engine's host of dynamic providers which one serves a resource."""

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


def _answering(method: Callable[_Arguments, _Answer]) -> Callable[_Arguments, _Answer]:
    """`method` with every error told in one line, without a value."""

    @wraps(method)
    def answer(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        try:
            return method(*args, **kwargs)
        except GroqError:
            raise
        except Exception as error:  # noqa: BLE001 (the SDK would print all that it says)
            raise GroqError(fault_in_words(error)) from None

    return answer


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

    @_answering
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        checked = self._run.check(_received(_olds), _received(news))
        failures = [CheckFailure(failure.property, failure.reason) for failure in checked.failures]
        return CheckResult(self._sent(checked.inputs), failures)

    @_answering
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        change = self._run.diff(_id, _received(_olds), _received(_news))
        return DiffResult(
            changes=bool(change.changed),
            replaces=list(change.replaces),
            delete_before_replace=change.delete_before_replace,
        )

    @_answering
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(*self._run.create(_received(props)))

    @_answering
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        known = _received(props)
        found = self._run.read(id_, known)
        if found is None and not self._run.is_state(known):
            # The SDK answers a read with properties in any case, which the engine takes for an object.
            raise ConfigurationError(f"cannot read '{id_}': it does not exist; correct the id, or declare it")
        if found is None:
            return ReadResult("", {}, {})
        inputs = None if found.inputs is None else self._sent(found.inputs)
        return ReadResult(id_, self._sent(found.state), inputs)

    @_answering
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._run.update(_id, _received(_olds), _received(_news)))

    @_answering
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        self._run.delete(_id, _received(_props))

    def _sent(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """`properties` for the engine. It knows what the program has marked as secret, and not what a read
        finds beyond that.
        """
        secret = marked(self._run.state, SECRET)
        plain = {name: _wire(value) for name, value in properties.items()}
        return {
            name: rpc.wrap_rpc_secret(value) if name in secret else value for name, value in plain.items()
        }


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


def _wire(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _wire(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_wire(item) for item in value]
    return rpc.UNKNOWN if value is UNKNOWN else value
