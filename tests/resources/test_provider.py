"""The dynamic provider: what Pulumi pickles, and property bags in and out."""

import base64
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.output import Unknown
from pulumi.runtime import rpc

from pulumi_groq.errors import ConfigurationError, GroqError
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.properties import Checked, Failure, Properties, PropertyDiff, check_inputs, compare
from pulumi_groq.lifecycle.spend_policy import SpendPolicyLifecycle, SpendPolicyState
from pulumi_groq.lifecycle.team import TeamArgs, TeamState
from pulumi_groq.models.fields import wire_time
from pulumi_groq.resources.api_key import ApiKeyProvider
from pulumi_groq.resources.declaration import DeclaredResource
from pulumi_groq.resources.provider import LifecycleProvider, pickled
from pulumi_groq.resources.spend_policy import SpendPolicyProvider
from pulumi_groq.resources.team import TeamProvider

PROVIDERS = [ApiKeyProvider, SpendPolicyProvider, TeamProvider]
CREATED_AT = "2026-11-01T00:00:00Z"
INPUTS = {"team_name": "research", "allowed_models": ["a", "b"], "adopt_existing": False}
STATE = {**INPUTS, "created_at": CREATED_AT}


@dataclass
class RecordingLifecycle:
    """Keeps what it was called with; `found` is what a read finds."""

    found: TeamState | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    args = TeamArgs
    state = TeamState

    def check(self, olds: Properties, news: Properties) -> Checked:
        self.calls.append(("check", dict(olds), dict(news)))
        return check_inputs(TeamArgs, news)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        return compare(TeamArgs, state, inputs)

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        return frozenset()

    def create(self, args: TeamArgs) -> tuple[str, TeamState]:
        self.calls.append(("create", args))
        return args.team_name, state_of(args)

    def read(self, resource_id: str, state: TeamState | None) -> TeamState | None:
        self.calls.append(("read", resource_id, state))
        return self.found

    def update(self, resource_id: str, state: TeamState, args: TeamArgs) -> TeamState:
        self.calls.append(("update", resource_id, state, args))
        return state_of(args)

    def delete(self, resource_id: str, state: TeamState) -> None:
        self.calls.append(("delete", resource_id))


FOUND = SpendPolicyState.model_validate(
    {
        "monthly_cap_usd": 100,
        "alert_webhook_urls": ["https://hooks.example.com/x"],
        "created_at": CREATED_AT,
    }
)


class FoundPolicy(SpendPolicyLifecycle):
    """Finds a policy without asking anybody."""

    def __init__(self, found: SpendPolicyState) -> None:
        self._found = found

    def read(self, resource_id: str, state: SpendPolicyState | None) -> SpendPolicyState:
        return self._found


def state_of(args: TeamArgs) -> TeamState:
    return TeamState.model_validate({**args.model_dump(), "created_at": CREATED_AT})


@pytest.fixture
def serving() -> Callable[[RecordingLifecycle], LifecycleProvider]:
    """Makes a provider that has been configured with a lifecycle."""

    def serve(lifecycle: RecordingLifecycle) -> LifecycleProvider:
        provider = TeamProvider()
        provider.serve(lifecycle)
        return provider

    return serve


@pytest.mark.parametrize("provider", PROVIDERS)
def test_pickle_is_small_constant_and_by_reference(provider: Callable[[], LifecycleProvider]) -> None:
    """It is the SDK's for any instance, less than 120 characters, and unpickles to the importable class."""
    found = pickled(provider)
    assert found == serialize_provider(provider())
    assert len(found) < 120
    assert type(pickle.loads(base64.b64decode(found))) is provider  # noqa: S301 (our own bytes)


@pytest.mark.parametrize(
    "unknown",
    [Unknown(), rpc.UNKNOWN],  # type: ignore[no-untyped-call]
    ids=["object", "constant"],
)
def test_unknown_values_pass_through_check(serving: Any, unknown: object) -> None:
    """Pulumi's unknowns, as objects or on the wire, are unknown inside, and on the wire in the answer."""
    lifecycle = RecordingLifecycle()
    news = {**INPUTS, "allowed_models": ["a", unknown], "__provider": "p"}
    checked = serving(lifecycle).check({}, news)
    assert checked.failures == []
    assert checked.inputs["allowed_models"] == ["a", rpc.UNKNOWN]
    assert "__provider" not in checked.inputs


def test_failures_reach_the_engine_with_their_property(serving: Any) -> None:
    """Each failure names its property and reason."""
    checked = serving(RecordingLifecycle()).check({}, {"team_name": "research", "allowed_models": []})
    (failure,) = checked.failures
    expected = Failure("allowed_models", "must have at least 1 item")
    assert (failure.property, failure.reason) == (expected.property, expected.reason)


def test_equal_inputs_are_no_change(serving: Any) -> None:
    """State and inputs that agree need no update."""
    result = serving(RecordingLifecycle()).diff(
        "research", {**STATE, "__provider": "p"}, {**INPUTS, "__provider": "q"}
    )
    assert (result.changes, result.replaces) == (False, [])


def test_renaming_replaces_create_first(serving: Any) -> None:
    """A replacement that a property asks for creates before it deletes."""
    result = serving(RecordingLifecycle()).diff("research", STATE, {**INPUTS, "team_name": "lab"})
    assert (result.changes, result.replaces, result.delete_before_replace) == (True, ["team_name"], False)


def test_outputs_are_fresh(serving: Any) -> None:
    """The SDK adds to the dict it is given, so every result is a new one."""
    provider = serving(RecordingLifecycle())
    first = provider.create({**INPUTS, "__provider": "p"})
    first.outs["__provider"] = "p"
    assert "__provider" not in provider.create(INPUTS).outs
    assert first.id == "research"


def test_gone_is_a_blank_id_and_no_outputs(serving: Any) -> None:
    """What is gone is told as the SDK expects it."""
    read = serving(RecordingLifecycle(found=None)).read("research", {**STATE, "__provider": "p"})
    assert (read.id, read.outs) == ("", {})


def test_read_gives_outputs_and_inputs(serving: Any) -> None:
    """Inputs come back too, so that the next diff compares with what is there; neither has defaults."""
    found = state_of(TeamArgs(team_name="research", allowed_models=["c"]))
    read = serving(RecordingLifecycle(found=found)).read("research", {**STATE, "__provider": "p"})
    assert read.outs == {"team_name": "research", "allowed_models": ["c"], "created_at": CREATED_AT}
    assert read.inputs == {"team_name": "research", "allowed_models": ["c"]}


def test_read_of_what_is_as_it_was_known_leaves_the_inputs_to_the_engine(serving: Any) -> None:
    """The engine goes on with those of the last run; defaults that an older state holds are no difference."""
    found = state_of(TeamArgs.model_validate(INPUTS))
    known = {**STATE, "adopt_existing": False, "__provider": "p"}
    read = serving(RecordingLifecycle(found=found)).read("research", known)
    assert (read.id, read.outs["team_name"], read.inputs) == ("research", "research", None)


def test_read_by_id_comes_without_a_state(serving: Any) -> None:
    """A `get` hands over what the program passed, which is no state."""
    lifecycle = RecordingLifecycle(found=state_of(TeamArgs(team_name="research", allowed_models=["c"])))
    serving(lifecycle).read("research", {"allowed_models": [], "__provider": "p"})
    assert lifecycle.calls == [("read", "research", None)]


def test_get_of_what_does_not_exist_is_an_error(serving: Any) -> None:
    """A refresh takes what is gone for deleted; a `get` of it would go on with an object without outputs."""
    provider = serving(RecordingLifecycle(found=None))
    assert provider.read("research", {**STATE, "__provider": "p"}).id == ""
    with pytest.raises(ConfigurationError, match="cannot read 'research': it does not exist"):
        provider.read("research", {"allowed_models": [], "__provider": "p"})


def test_update_and_delete_parse_the_state(serving: Any) -> None:
    """States of another release may hold more or fewer names than this one knows."""
    lifecycle = RecordingLifecycle()
    provider = serving(lifecycle)
    old = {**STATE, "of_another_release": 1.0}
    assert provider.update("research", old, {**INPUTS, "allowed_models": ["c"]}).outs["allowed_models"] == [
        "c"
    ]
    provider.delete("research", old)
    assert [call[0] for call in lifecycle.calls] == ["update", "delete"]


def test_times_keep_their_form() -> None:
    """Outputs hold times as the admin API writes them."""
    assert wire_time(state_of(TeamArgs(team_name="a", allowed_models=["m"])).created_at) == CREATED_AT


def test_resources_have_types_of_their_own() -> None:
    """Each resource is told apart in previews and states by its type."""
    kinds = {kind._resource_type_name for kind in DeclaredResource.__subclasses__()}
    assert {"dynamic/groq:GroqApiKey", "dynamic/groq:GroqSpendPolicy", "dynamic/groq:GroqTeam"} <= kinds


def test_secrets_that_a_read_finds_are_marked() -> None:
    """Webhooks that were set elsewhere are secret in state and inputs, though the program declares none."""
    provider = SpendPolicyProvider()
    found = SpendPolicyState.model_validate(
        {
            "monthly_cap_usd": 100,
            "alert_webhook_urls": ["https://hooks.example.com/x"],
            "created_at": CREATED_AT,
        }
    )
    provider.serve(FoundPolicy(found))
    read = provider.read("spend-policy", {})
    for bag in (read.outs or {}, read.inputs or {}):
        assert rpc.is_rpc_secret(bag["alert_webhook_urls"])
        assert not rpc.is_rpc_secret(bag["monthly_cap_usd"])


def test_state_that_does_not_fit_is_one_line_without_its_value() -> None:
    """A state of another release, or one that was edited, is told by property; no command shows a secret."""
    provider = SpendPolicyProvider()
    provider.serve(FoundPolicy(FOUND))
    state = {
        "monthly_cap_usd": 100,
        "created_at": CREATED_AT,
        "alert_webhook_urls": ["ftp://hush.example.com"],
    }
    for call in (
        lambda: provider.read("spend-policy", state),
        lambda: provider.update("spend-policy", state, {"monthly_cap_usd": 100}),
        lambda: provider.delete("spend-policy", state),
    ):
        with pytest.raises(ConfigurationError, match=r"^alert_webhook_urls\[0\] must ") as failed:
            call()
        assert "hush" not in str(failed.value)


def test_fault_is_one_line_without_what_it_says(serving: Any) -> None:
    """What nobody expected is told by its type and place: its text may hold a value."""
    provider = serving(RecordingLifecycle())
    with pytest.raises(GroqError, match=r"^pulumi-groq failed: AttributeError in provider.py:\d+$"):
        provider.check({}, "hush")


def test_defaults_of_a_group_are_no_change_as_doubles() -> None:
    """The SDK hands every number of the state over as a double; what nobody declared is unchanged."""
    provider = ApiKeyProvider()
    provider.serve(ApiKeyLifecycle(cast("Any", None), cast("Any", None), print))
    state = {"allowed_models": ["a"], "rotation": {"overlap_hours": 24.0, "quiet_hours": 24.0}}
    inputs = {"allowed_models": ["a"], "rotation": {}}
    assert provider.diff("key", state, inputs).changes is False
