"""Each call of the engine, over real gRPC, against a real gateway."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from pulumi_groq.lifecycle.properties import UNKNOWN
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate
from pulumi_groq.plugin.wire import sent
from served_plugin import KEY_URN, POLICY_URN, TEAM_URN, plain, secrets, served_plugin

CHATBOT = {"allowedModels": ["openai/gpt-oss-20b"], "requestsPerMinute": 500}
KIND = provider_pb2.PropertyDiff


def kinds(diff: Any) -> dict[str, int]:
    """The kinds of a detailed diff by path."""
    return {path: each.kind for path, each in diff.detailedDiff.items()}


def test_check_fills_in_the_place_and_leaves_defaults_out(plugin: Any) -> None:
    """A key is named after its resource and owned by its stack; nothing else is added to what is declared."""
    declared = {**CHATBOT, "disabled": False, "rotation": {"everyDays": 30, "freezeWindows": []}}
    assert plain(plugin.inputs(KEY_URN, declared)) == {
        **CHATBOT,
        "name": "chatbot-prod",
        "rotation": {"everyDays": 30},
        "managedBy": "organization/infra/dev",
        "declaredAs": "chatbot-prod",
    }


def test_address_below_components_names_their_types(plugin: Any) -> None:
    """The address is that of the dynamic resource at the same place, and as unique as the URN."""
    urn = "urn:pulumi:dev::infra::acme:index:Outer$acme:index:Inner$groq:index:GroqApiKey::chatbot-prod"
    assert (
        plain(plugin.inputs(urn, CHATBOT))["declaredAs"] == "acme:index:Outer$acme:index:Inner$chatbot-prod"
    )


@pytest.mark.parametrize(
    ("settings", "last", "owner"),
    [
        ({}, None, "organization/infra/dev"),
        ({"organization": "acme"}, None, "acme/infra/dev"),
        ({}, "acme/infra/dev", "acme/infra/dev"),
        ({}, "acme/other/dev", "organization/infra/dev"),
        ({"organization": "acme"}, "old/infra/dev", "acme/infra/dev"),
    ],
)
def test_organisation(gateway: Any, settings: dict[str, str], last: str | None, owner: str) -> None:
    """The URN has none: the setting counts, else what this stack's inputs had, else Pulumi's default."""
    with served_plugin(gateway, **settings) as plugin:
        olds = sent({"managed_by": last} if last else {})
        assert plain(plugin.inputs(KEY_URN, CHATBOT, olds))["managedBy"] == owner


def test_failures_name_properties_as_they_are_declared(plugin: Any) -> None:
    """Every problem has its property and reason in the engine's names."""
    declared = {"allowedModels": ["a", "a b"], "requestsPerMinute": 0, "rotation": {"everyDays": 0}}
    answer = plugin.checked(KEY_URN, declared)
    assert {failure.property for failure in answer.failures} == {
        "allowedModels[1]",
        "requestsPerMinute",
        "rotation.everyDays",
    }
    policy = plugin.checked(POLICY_URN, {"monthlyCapUsd": 100, "alertThresholdsUsd": [200]})
    assert [failure.reason for failure in policy.failures] == ["must not exceed monthlyCapUsd (100)"]


def test_properties_that_do_not_exist_are_refused(plugin: Any) -> None:
    """A misspelled property is named, at any depth."""
    answer = plugin.checked(KEY_URN, {**CHATBOT, "request_per_minute": 1, "rotation": {"every": 1}})
    assert [failure.property for failure in answer.failures] == ["request_per_minute", "rotation.every"]


def test_retired_models_are_warned_of_once(plugin: Any) -> None:
    """However many resources list it."""
    for urn in (KEY_URN, TEAM_URN):
        plugin.inputs(urn, {"allowedModels": ["llama-3.1-8b-instant"]})
    assert [line.startswith("Groq retired llama-3.1-8b-instant") for line in plugin.log.warnings] == [True]


def test_a_new_key(plugin: Any) -> None:
    """The preview knows all but what the server gives; the value is secret in both."""
    foreseen = plugin.created(KEY_URN, CHATBOT, preview=True).properties
    assert plugin.wire.sent == []
    unknown = {name for name, value in plain(foreseen).items() if value is UNKNOWN}
    assert unknown == {
        *("keyId", "apiKey", "lineageId", "lastFour", "claim"),
        *("status", "createdAt", "generation", "deliveredAt"),
    }
    created = plugin.created(KEY_URN, CHATBOT)
    state = plain(created.properties)
    assert state["keyId"] == created.id
    assert plugin.wire.minted == {state["apiKey"]: created.id}
    assert state | dict.fromkeys(unknown, UNKNOWN) == plain(foreseen)
    assert secrets(foreseen) == secrets(created.properties) == {("apiKey",)}


def test_an_update_changes_what_it_changes(plugin: Any) -> None:
    """The detailed diff has one line, and the preview nothing unknown: what depends on the key stays."""
    created = plugin.created(KEY_URN, CHATBOT)
    inputs = plugin.inputs(KEY_URN, {**CHATBOT, "requestsPerMinute": 600})
    diff = plugin.diff(KEY_URN, created.id, created.properties, inputs)
    assert (list(diff.diffs), list(diff.replaces)) == (["requestsPerMinute"], [])
    assert kinds(diff) == {"requestsPerMinute": KIND.UPDATE}
    foreseen = plugin.updated(KEY_URN, created.id, created.properties, inputs, preview=True)
    updated = plugin.updated(KEY_URN, created.id, created.properties, inputs)
    assert plain(foreseen.properties) == plain(updated.properties)
    assert plain(updated.properties) == {**plain(created.properties), "requestsPerMinute": 600}
    again = plugin.diff(KEY_URN, created.id, updated.properties, inputs)
    assert (again.changes, kinds(again)) == (provider_pb2.DiffResponse.DIFF_NONE, {})


def test_what_is_added_and_taken_away_shows_as_that(plugin: Any) -> None:
    """A limit that goes, a budget that comes, and a default that is declared: only the first two differ."""
    created = plugin.created(KEY_URN, CHATBOT)
    declared = {"allowedModels": CHATBOT["allowedModels"], "monthlyBudgetUsd": 5, "disabled": False}
    diff = plugin.diff(KEY_URN, created.id, created.properties, plugin.inputs(KEY_URN, declared))
    assert kinds(diff) == {"requestsPerMinute": KIND.DELETE, "monthlyBudgetUsd": KIND.ADD}


def test_disabling_leaves_the_status_open(plugin: Any) -> None:
    """The one output that follows from the change is unknown in its preview, and no other."""
    created = plugin.created(KEY_URN, CHATBOT)
    inputs = plugin.inputs(KEY_URN, {**CHATBOT, "disabled": True})
    foreseen = plain(plugin.updated(KEY_URN, created.id, created.properties, inputs, preview=True).properties)
    assert [name for name, value in foreseen.items() if value is UNKNOWN] == ["status"]


def test_a_new_name_replaces_create_first(plugin: Any) -> None:
    """The new key is there before the old one goes."""
    created = plugin.created(KEY_URN, CHATBOT)
    inputs = plugin.inputs(KEY_URN, {**CHATBOT, "name": "chatbot-live"})
    diff = plugin.diff(KEY_URN, created.id, created.properties, inputs)
    assert (list(diff.replaces), diff.deleteBeforeReplace) == (["name"], False)
    assert kinds(diff) == {"name": KIND.UPDATE_REPLACE}


def test_a_change_within_a_group_shows_what_differs(plugin: Any) -> None:
    """Neither the group's other fields nor its defaults, which the state has and the program has not."""
    created = plugin.created(KEY_URN, {**CHATBOT, "rotation": {"everyDays": 30}})
    inputs = plugin.inputs(KEY_URN, {**CHATBOT, "rotation": {"everyDays": 60, "quietHours": 48}})
    diff = plugin.diff(KEY_URN, created.id, created.properties, inputs)
    assert kinds(diff) == {"rotation.everyDays": KIND.UPDATE, "rotation.quietHours": KIND.ADD}
    assert list(diff.diffs) == ["rotation"]


def test_notes_of_the_last_run_are_no_properties(plugin: Any) -> None:
    """`ignoreChanges: ["*"]` declares the last run's inputs anew, with what its check had noted."""
    noted = {**CHATBOT, "rotationDue": "rotate: trigger changed"}
    assert "rotationDue" not in plain(plugin.inputs(KEY_URN, noted, sent(noted)))
    (failure,) = plugin.checked(KEY_URN, noted).failures
    assert (failure.property, failure.reason) == ("rotationDue", "is not a property of this resource")


def test_a_rotation_that_is_due_by_age_is_one_line(gateway: Any, plugin: Any) -> None:
    """Nothing that is declared differs, so the diff shows why the key rotates; the new key is unknown."""
    declared = {**CHATBOT, "rotation": {"everyDays": 30}}
    created = plugin.created(KEY_URN, declared)
    olds = plugin.inputs(KEY_URN, declared)
    gateway.advance(timedelta(days=31))
    with served_plugin(gateway) as later:
        inputs = later.inputs(KEY_URN, declared, olds)
        assert plain(inputs)["rotationDue"] == "rotate: 31 days old, limit 30"
        diff = later.diff(KEY_URN, created.id, created.properties, inputs)
        assert kinds(diff) == {"rotationDue": KIND.ADD}
        assert "rotationDue" in diff.diffs  # which a preview in short shows
        foreseen = later.updated(KEY_URN, created.id, created.properties, inputs, preview=True)
        assert plain(foreseen.properties)["apiKey"] is UNKNOWN
        rotated = later.updated(KEY_URN, created.id, created.properties, inputs)
    assert plain(rotated.properties)["generation"] == 2
    assert "rotationDue" not in plain(rotated.properties)


def test_a_rotation_that_no_property_shows_names_none(plugin: Any) -> None:
    """By any path the engine would show the defaults of the state's group as taken away."""
    declared = {**CHATBOT, "rotation": {"everyDays": 30}}
    created = plugin.created(KEY_URN, declared)
    without_value = plain(created.properties) | {"apiKey": None}
    inputs = plugin.inputs(KEY_URN, declared)
    diff = plugin.diff(KEY_URN, created.id, sent(without_value), inputs)
    assert (diff.changes, list(diff.diffs)) == (provider_pb2.DiffResponse.DIFF_SOME, ["rotation"])
    assert not diff.hasDetailedDiff
    assert plugin.log.lines == ["chatbot-prod: rotate: its value is not in this state"]


def test_an_update_between_rotations_foresees_everything(gateway: Any, plugin: Any) -> None:
    """A schedule makes nothing unknown while nothing is due."""
    declared = {**CHATBOT, "rotation": {"everyDays": 30}}
    created = plugin.created(KEY_URN, declared)
    inputs = plugin.inputs(KEY_URN, {**declared, "requestsPerMinute": 1})
    foreseen = plugin.updated(KEY_URN, created.id, created.properties, inputs, preview=True)
    updated = plugin.updated(KEY_URN, created.id, created.properties, inputs)
    assert plain(foreseen.properties) == plain(updated.properties)


def test_unknown_inputs_stay_unknown(plugin: Any) -> None:
    """A model that only the run knows is passed through, differs, and is unknown in the foreseen state."""
    declared = {"allowedModels": ["openai/gpt-oss-20b", UNKNOWN], "team": UNKNOWN}
    inputs = plugin.inputs(KEY_URN, declared)
    assert plain(inputs)["allowedModels"] == ["openai/gpt-oss-20b", UNKNOWN]
    created = plugin.created(KEY_URN, CHATBOT)
    diff = plugin.diff(KEY_URN, created.id, created.properties, inputs)
    assert sorted(kinds(diff)) == ["allowedModels", "requestsPerMinute", "team"]
    foreseen = plain(plugin.updated(KEY_URN, created.id, created.properties, inputs, preview=True).properties)
    assert (foreseen["team"], foreseen["keyId"]) == (UNKNOWN, created.id)


def test_secret_inputs_stay_secret(plugin: Any) -> None:
    """What a program marks as secret is marked in inputs and state; webhooks are secret in any case."""
    declared = sent({**CHATBOT, "metadata": {"cost_centre": "7", "owner": "a"}}, {("metadata", "owner")})
    expected = {("metadata", "owner")}
    assert secrets(plugin.inputs(KEY_URN, declared)) == expected
    created = plugin.created(KEY_URN, declared)
    assert secrets(created.properties) == {*expected, ("apiKey",)}
    assert plain(created.properties)["metadata"] == {"cost_centre": "7", "owner": "a"}
    policy = {"monthlyCapUsd": 5, "alertWebhookUrls": ["https://hooks.example.com/t"]}
    assert secrets(plugin.inputs(POLICY_URN, policy)) == {("alertWebhookUrls",)}
    assert secrets(plugin.created(POLICY_URN, policy).properties) == {("alertWebhookUrls",)}


def test_read_for_import_and_for_refresh(plugin: Any) -> None:
    """By id alone it gives the state and the inputs that declare it; what is gone has no id."""
    existing = plugin.wire.client().create_key(
        ApiKeyCreate(name="legacy", allowed_models=["openai/gpt-oss-20b"], requests_per_minute=7), "import"
    )
    found = plugin.stub.Read(provider_pb2.ReadRequest(urn=KEY_URN, id=existing.key.id))
    assert plain(found.inputs) == {
        "allowedModels": ["openai/gpt-oss-20b"],
        "name": "legacy",
        "requestsPerMinute": 7,
    }
    assert (found.id, plain(found.properties)["generation"]) == (existing.key.id, 1)
    plugin.wire.client().delete_key(existing.key.id)
    gone = plugin.stub.Read(provider_pb2.ReadRequest(urn=KEY_URN, id=existing.key.id))
    assert gone.id == ""


def test_refresh_names_inputs_only_where_something_differs(plugin: Any) -> None:
    """The engine goes on with the last run's where there are none."""
    as_known = plugin.created(KEY_URN, CHATBOT)
    changed = plugin.created(KEY_URN.replace("chatbot-prod", "batch"), {**CHATBOT, "name": "batch"})
    plugin.wire.client().update_key(changed.id, ApiKeyUpdate(requests_per_minute=7))

    def refreshed(created: Any) -> Any:
        request = provider_pb2.ReadRequest(urn=KEY_URN, id=created.id, properties=created.properties)
        return plugin.stub.Read(request)

    assert not refreshed(as_known).HasField("inputs")
    assert plain(refreshed(changed).inputs)["requestsPerMinute"] == 7


def test_changes_stay_ignored_while_the_dynamic_resource_is_taken_over(plugin: Any) -> None:
    """By the plugin's names the engine finds none of the last inputs, and takes out what is to stay."""
    rotation = {"everyDays": 30, "quietHours": 48}
    declared = {**CHATBOT, "rotation": rotation}
    created = plugin.created(KEY_URN, declared)
    last = {"allowed_models": CHATBOT["allowedModels"], "requests_per_minute": 500, "__provider": "gASV"}
    ignored = ["allowedModels", "requestsPerMinute", "rotation.quietHours"]
    inputs = plugin.inputs(KEY_URN, {"rotation": {"everyDays": 30}}, sent(last))
    known = {"urn": KEY_URN, "id": created.id, "olds": created.properties, "news": inputs}
    same = plugin.stub.Diff(provider_pb2.DiffRequest(**known, ignoreChanges=ignored))
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    updated = plugin.stub.Update(provider_pb2.UpdateRequest(**known, ignoreChanges=ignored))
    assert plain(updated.properties) == plain(created.properties)


def test_all_changes_are_ignored_while_the_dynamic_resource_is_taken_over(plugin: Any) -> None:
    """For `ignoreChanges: ["*"]` the engine declares the last inputs anew, in their spelling at any depth."""
    last = {
        "allowed_models": CHATBOT["allowedModels"],
        "rotation": {"every_days": 30},
        "__provider": "gASV",
    }
    inputs = plugin.inputs(KEY_URN, sent(last), sent(last))
    assert plain(inputs)["rotation"] == {"everyDays": 30}
    assert plugin.checked(KEY_URN, {**CHATBOT, "allowed_tools": []}, sent(last)).failures


def test_state_of_the_dynamic_resource_is_taken_over(gateway: Any, plugin: Any) -> None:
    """Its names are snake_case and it holds a pickled provider: the same inputs are no change."""
    created = plugin.created(KEY_URN, CHATBOT)
    (key,) = plugin.wire.client().list_keys()
    former = {
        "allowed_models": ["openai/gpt-oss-20b"],
        "requests_per_minute": 500.0,
        "name": "chatbot-prod",
        "managed_by": "organization/infra/dev",
        "declared_as": "chatbot-prod",
        "disabled": False,
        "allow_delete_in_use": False,
        "key_id": key.id,
        "lineage_id": key.lineage_id,
        "api_key": plain(created.properties)["apiKey"],
        "last_four": key.last_four,
        "status": "active",
        "created_at": plain(created.properties)["createdAt"],
        "generation": 1.0,
        "claim": plain(created.properties)["claim"],
        "__provider": "gASVQAAAAAAAAACM",
    }
    olds = sent(former, {("api_key",)})
    same = plugin.diff(KEY_URN, key.id, olds, plugin.inputs(KEY_URN, CHATBOT))
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    inputs = plugin.inputs(KEY_URN, {**CHATBOT, "requestsPerMinute": 1})
    updated = plugin.updated(KEY_URN, key.id, olds, inputs)
    assert plain(updated.properties) == {**plain(created.properties), "requestsPerMinute": 1}
    refreshed = plugin.stub.Read(provider_pb2.ReadRequest(urn=KEY_URN, id=key.id, properties=olds))
    assert plain(refreshed.properties)["apiKey"] == former["api_key"]


def test_a_forced_replacement_keeps_the_object(plugin: Any) -> None:
    """The create takes the old one over, so the delete of the former state leaves it; it is told."""
    declared = {"allowedModels": ["openai/gpt-oss-20b"]}
    former = plugin.created(TEAM_URN, declared)
    plugin.created(TEAM_URN, declared)
    plugin.stub.Delete(provider_pb2.DeleteRequest(urn=TEAM_URN, id=former.id, properties=former.properties))
    assert [team.name for team in plugin.wire.client().list_teams()] == ["research"]
    assert "team 'research': kept" in plugin.log.lines[0]


def test_errors_are_one_line(plugin: Any) -> None:
    """What goes wrong is told as it is, and what nobody expected by its type and place alone."""
    with pytest.raises(grpc.RpcError) as refused:
        plugin.created(KEY_URN, {"allowedModels": ["acme/unheard-of"]})
    assert "acme/unheard-of" in str(refused.value.details())
    broken = sent({"keyId": "k", "apiKey": "hush-hush"}, {("apiKey",)})
    inputs = plugin.inputs(KEY_URN, CHATBOT)
    with pytest.raises(grpc.RpcError) as failed:
        plugin.updated(KEY_URN, "k", broken, inputs)
    told = str(failed.value.details())
    assert told.startswith("lineageId is required, and is not so in the stack's state")
    assert "hush" not in told


def test_functions(plugin: Any) -> None:
    """Models, usage and keys, in the engine's names, values of keys never; bad arguments are named."""
    created = plugin.created(KEY_URN, CHATBOT)

    def ask(function: str, **arguments: Any) -> Any:
        return plugin.stub.Invoke(
            provider_pb2.InvokeRequest(tok=f"groq:index:{function}", args=sent(arguments))
        )

    def told(function: str, **arguments: Any) -> dict[str, Any]:
        return plain(getattr(ask(function, **arguments), "return"))

    assert "openai/gpt-oss-20b" in [model["id"] for model in told("getModels")["models"]]
    assert told("getUsage")["monthToDate"]["requests"] == 0
    (key,) = told("getKeys", managedBy="organization/infra/dev")["keys"]
    assert (key["id"], key["requestsPerMinute"]) == (created.id, 500)
    assert "apiKey" not in key
    assert told("getKeys", name="nobody")["keys"] == []
    assert [failure.property for failure in ask("getKeys", names="x").failures] == ["names"]
    with pytest.raises(grpc.RpcError, match="is no function of this plugin"):
        ask("getWeather")
