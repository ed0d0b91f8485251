"""The life of objects that are written whole, by one PUT, under a name that is known beforehand."""

from typing import TYPE_CHECKING, Generic, TypeVar

from pulumi_groq.errors import ConfigurationError, NotFoundError
from pulumi_groq.lifecycle.ownership import NewClaim, random_claim, tell_if_kept
from pulumi_groq.lifecycle.properties import (
    Checked,
    Properties,
    PropertyDiff,
    check_inputs,
    compare,
    outputs_beside,
)
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.models.ownership import Deleted, Owned, Placed, place_of

if TYPE_CHECKING:
    from pulumi_groq.admin import AdminClient


class PutArgs(Placed):
    """Base of such an object's arguments."""

    if TYPE_CHECKING:  # each kind describes it in its own words
        adopt_existing: bool


class PutState(PutArgs):
    """Base of its state: arguments plus outputs."""

    if TYPE_CHECKING:
        claim: str | None


ArgsT = TypeVar("ArgsT", bound=PutArgs)
StateT = TypeVar("StateT", bound=PutState)
ServedT = TypeVar("ServedT", bound=Owned)


class PutLifecycle(Generic[ArgsT, StateT, ServedT]):
    """Base of the lifecycles of teams, workload identities and the spending policy. The resource's id is the
    object's name.
    """

    args: type[ArgsT]
    state: type[StateT]

    def __init__(self, client: "AdminClient", notify: Notify, new_claim: NewClaim = random_claim) -> None:
        self._client = client
        self._notify = notify
        self._new_claim = new_claim

    def id_of(self, args: ArgsT) -> str:
        """The name that is declared."""
        raise NotImplementedError

    def called(self, resource_id: str) -> str:
        """What messages call the object."""
        raise NotImplementedError

    def get(self, resource_id: str) -> ServedT:
        """The object as the server has it, lists in the order of the arguments'. Raises `NotFoundError`."""
        raise NotImplementedError

    def put(self, args: ArgsT, claim: str) -> ServedT:
        """Write the object, to be held by `claim`."""
        raise NotImplementedError

    def remove(self, resource_id: str, claim: str) -> Deleted | None:
        """Delete the object where no other claim holds it; `None` if it was gone."""
        raise NotImplementedError

    def state_of(self, served: ServedT, known: ArgsT | StateT | None, claim: str | None) -> StateT:
        """The state of what is served; what the server does not show is as `known`."""
        raise NotImplementedError

    def check(self, olds: Properties, news: Properties) -> Checked:
        return check_inputs(self.args, news)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        return compare(self.args, state, inputs)

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        if state is None:
            return outputs_beside(self.args, self.state)
        return frozenset() if state.get("claim") else frozenset({"claim"})

    def create(self, args: ArgsT) -> tuple[str, StateT]:
        resource_id = self.id_of(args)
        if not args.adopt_existing:
            self._refuse_takeover(resource_id, args)
        return resource_id, self._written(args, self._new_claim())

    def read(self, resource_id: str, state: StateT | None) -> StateT | None:
        try:
            served = self.get(resource_id)
        except NotFoundError:
            return None
        return self.state_of(served, state, state.claim if state else None)

    def update(self, resource_id: str, state: StateT, args: ArgsT) -> StateT:
        return self._written(args, state.claim or self._new_claim())

    def delete(self, resource_id: str, state: StateT) -> None:
        answer = self.remove(resource_id, state.claim or self._new_claim())
        tell_if_kept(self._notify, self.called(resource_id), answer)

    def _written(self, args: ArgsT, claim: str) -> StateT:
        return self.state_of(self.put(args, claim), args, claim)

    def _refuse_takeover(self, resource_id: str, args: ArgsT) -> None:
        try:
            existing = self.get(resource_id)
        except NotFoundError:
            return
        _refuse_takeover(self.called(resource_id), existing, args)


def _refuse_takeover(what: str, existing: Owned, declared: PutArgs) -> None:
    """Raise ConfigurationError if `existing` must not become what is `declared` without being asked.

    Another stack's never does. What this stack declares elsewhere (a rename) or nobody owns does when
    it is equal. What is declared at the very same place is this declaration's own, written by a run that
    was cut off or to be replaced.
    """
    if existing.managed_by not in (None, declared.managed_by):
        raise ConfigurationError(
            f"{what} belongs to another stack ({place_of(existing)}): set adopt_existing=True to take it over"
        )
    if existing.managed_by is not None and existing.declared_as == declared.declared_as:
        return
    names = (
        type(existing).model_fields.keys() & type(declared).model_fields.keys()
    ) - Placed.model_fields.keys()
    differing = ", ".join(
        sorted(name for name in names if getattr(existing, name) != getattr(declared, name))
    )
    if differing and existing.managed_by is not None:
        raise ConfigurationError(
            f"{what} is {place_of(existing)} already, and differs in {differing}: declare it once, or, "
            "to rename and change it in one run, set adopt_existing=True"
        )
    if differing:
        raise ConfigurationError(
            f"{what} exists already and differs in {differing}: no stack declares it; "
            "set adopt_existing=True to take it over"
        )
