"""One resource type as the engine's protocol has it: names, secrets and previews around its lifecycle."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2
from pydantic import BaseModel

from pulumi_groq.lifecycle.default_values import with_defaults, without_defaults
from pulumi_groq.lifecycle.properties import UNKNOWN, Properties
from pulumi_groq.lifecycle.retirement import RetirementWarnings, Warn
from pulumi_groq.lifecycle.run import NOTES, LifecycleRun
from pulumi_groq.models.markers import SECRET, marked
from pulumi_groq.models.spelling import camel, nested_model, outward
from pulumi_groq.plugin.ignored_changes import as_known, with_required, without_copied
from pulumi_groq.plugin.place import place_of
from pulumi_groq.plugin.spelling import inward, respelled, strangers
from pulumi_groq.plugin.wire import Path, received, sent

_Kind = provider_pb2.PropertyDiff


@dataclass(frozen=True, slots=True)
class ServedResource:
    """Serves one type of resource for the rest of this process. Raises what its lifecycle raises."""

    run: LifecycleRun
    organization: str | None
    retirements: RetirementWarnings
    warn: Warn

    def check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        """Validate what a program declares; what it leaves out is filled in from where it is declared."""
        args = self.run.args
        last, news = received(request.olds).values, received(request.news)
        olds = inward(args, last)
        strange = sorted(strangers(args, without_copied(news.values, last)))
        if strange:
            reason = "is not a property of this resource"
            return provider_pb2.CheckResponse(
                failures=[provider_pb2.CheckFailure(property=path, reason=reason) for path in strange]
            )
        given = with_required(args, inward(args, news.values), last)
        declared = place_of(request.urn, self.organization, olds).fill(args, given)
        models = declared.get("allowed_models")
        if isinstance(models, list):
            self.retirements.tell([model for model in models if isinstance(model, str)], self.warn)
        checked = self.run.check(olds, declared)
        failures = [
            provider_pb2.CheckFailure(property=respelled(failure.property), reason=respelled(failure.reason))
            for failure in checked.failures
        ]
        return provider_pb2.CheckResponse(inputs=self._sent(checked.inputs, news.secrets), failures=failures)

    def diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        """What differs between the state and what is declared, property by property."""
        state = self._state(request.olds)
        inputs = self._inputs(request.news, state, request.ignoreChanges)
        change = self.run.diff(request.id, state, inputs)
        some = provider_pb2.DiffResponse.DIFF_SOME
        shown = [*change.changed, *(name for name in NOTES if name in inputs)] if change.changed else []
        details = _details(self.run.args, shown, change.replaces, state, inputs)
        return provider_pb2.DiffResponse(
            changes=some if change.changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=[camel(name) for name in shown],  # of the details, a preview in short has these alone
            replaces=[camel(name) for name in change.replaces],
            deleteBeforeReplace=change.delete_before_replace,
            detailedDiff=details,
            # Where nothing declared differs, such as for a rotation to resume, the engine is to compare the
            # inputs itself: the path of any property has it show what state and inputs have apart anyhow.
            hasDetailedDiff=bool(details) or not change.changed,
        )

    def create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        """Create the object; a preview tells what its state will be as far as it is known."""
        inputs, secrets = self._inputs(request.properties, {}, ()), received(request.properties).secrets
        if request.preview:
            return provider_pb2.CreateResponse(properties=self._sent(self._foreseen(None, inputs), secrets))
        resource_id, state = self.run.create(inputs)
        return provider_pb2.CreateResponse(id=resource_id, properties=self._sent(self._whole(state), secrets))

    def read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        """The object as it is: for a refresh, for an import, or for a program that does not own it."""
        came = received(request.properties)
        found = self.run.read(request.id, inward(self.run.state, came.values))
        if found is None:
            return provider_pb2.ReadResponse()
        secrets = came.secrets | received(request.inputs).secrets
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=self._sent(self._whole(found.state), secrets),
            inputs=None if found.inputs is None else self._sent(found.inputs, secrets),
        )

    def update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        """Change the object in place; a preview tells what its state will be as far as it is known."""
        known, secrets = self._state(request.olds), received(request.news).secrets
        inputs = self._inputs(request.news, known, request.ignoreChanges)
        if request.preview:
            foreseen = self._foreseen(known, inputs)
            return provider_pb2.UpdateResponse(properties=self._sent(foreseen, secrets))
        updated = self.run.update(request.id, known, inputs)
        return provider_pb2.UpdateResponse(properties=self._sent(self._whole(updated), secrets))

    def delete(self, request: provider_pb2.DeleteRequest) -> None:
        """Delete the object."""
        self.run.delete(request.id, inward(self.run.state, received(request.properties).values))

    def _state(self, olds: Struct) -> dict[str, Any]:
        return without_defaults(self.run.state, inward(self.run.state, received(olds).values))

    def _inputs(self, news: Struct, state: Properties, ignored: Iterable[str]) -> Properties:
        inputs = without_defaults(self.run.args, inward(self.run.args, received(news).values))
        return as_known(self.run.args, state, inputs, ignored)

    def _foreseen(self, state: Properties | None, inputs: Properties) -> dict[str, Any]:
        """The state after the run: as declared, outputs as they are, and unknown what may change."""
        args = self.run.args
        declared = {name: inputs[name] for name in args.model_fields if name in inputs}
        outputs = {name: value for name, value in (state or {}).items() if name not in args.model_fields}
        unsettled = dict.fromkeys(self.run.unsettled(state, inputs), UNKNOWN)
        return self._whole({**outputs, **declared, **unsettled})

    def _whole(self, state: Properties) -> dict[str, Any]:
        """`state` with every default: the schema promises them, to a preview and to its run alike."""
        return with_defaults(self.run.state, state)

    def _sent(self, bag: Mapping[str, Any], secrets: Collection[Path]) -> Struct:
        always = {(camel(name),) for name in marked(self.run.state, SECRET) if name in bag}
        return sent(outward(self.run.state, bag), always.union(secrets))


def _details(
    args: type[BaseModel],
    names: Iterable[str],
    replaces: Collection[str],
    state: Properties,
    inputs: Properties,
) -> dict[str, provider_pb2.PropertyDiff]:
    """The kind of each difference by path; a rotation that is due by age differs in its note alone."""
    kinds: dict[str, provider_pb2.PropertyDiff.Kind.ValueType] = {}
    for name in names:
        if state.get(name) != inputs.get(name):
            kinds |= _kinds(args, name, state, inputs, replaces=name in replaces)
    return {path: provider_pb2.PropertyDiff(kind=kind) for path, kind in kinds.items()}


def _kinds(
    args: type[BaseModel], name: str, state: Properties, inputs: Properties, *, replaces: bool
) -> dict[str, provider_pb2.PropertyDiff.Kind.ValueType]:
    """What differs of the property `name`, by path. Of a group of fields it is those that do: the engine
    compares with the whole state, which has the group's defaults.
    """
    nested, before, after = nested_model(args, name), state.get(name), inputs.get(name)
    if nested is None or nested.is_keyed or not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return {camel(name): _kind(name, state, inputs, replaces=replaces)}
    fields = sorted(field for field in before.keys() | after.keys() if before.get(field) != after.get(field))
    return {
        f"{camel(name)}.{camel(field)}": _kind(field, before, after, replaces=replaces) for field in fields
    }


def _kind(
    name: str, state: Properties, inputs: Properties, *, replaces: bool
) -> provider_pb2.PropertyDiff.Kind.ValueType:
    if name not in state:
        return _Kind.ADD_REPLACE if replaces else _Kind.ADD
    if name not in inputs:
        return _Kind.DELETE_REPLACE if replaces else _Kind.DELETE
    return _Kind.UPDATE_REPLACE if replaces else _Kind.UPDATE
