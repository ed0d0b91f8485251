"""Reading previews: the engine's real documents, later releases of it, and what is no preview."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.lifecycle.key_state import ApiKeyState
from pulumi_groq.models.spelling import outward
from pulumi_groq.reports.review.changes import changes_of, others_of
from pulumi_groq.reports.review.comment import review_markdown
from pulumi_groq.reports.review.preview import read_preview
from pulumi_groq.reports.review.report import review
from report_facts import CATALOGUE, NOON, key_step, policy_step, preview, recorded_preview, step


def test_changes_of_a_real_preview() -> None:
    """Operations and names of this package's resources, by kind and then by name; others are only counted."""
    recorded = recorded_preview("rotated")
    assert [(change.operation, change.noun, change.resource) for change in changes_of(recorded)] == [
        ("replace", "API key", "batch-processor"),
        ("update", "API key", "chatbot-prod"),
        ("delete", "spending policy", "spend-policy"),
    ]
    assert others_of(recorded) == {"update": 2}


def test_takers_of_a_real_preview() -> None:
    """Of the resources that use a key, those count that take a value the run alone knows."""
    downstream = {change.resource: change.downstream for change in changes_of(recorded_preview("rotated"))}
    assert downstream["chatbot-prod"] == ("chatbot-prod-secret",)


def test_an_unchanged_stack_has_no_changes() -> None:
    """The engine lists what stays as it is too; that is no change."""
    assert changes_of(recorded_preview("unchanged")) == ()


@pytest.mark.parametrize("operation", ["same", "read", "refresh", "delete-replaced", "some-later-operation"])
def test_other_operations_are_no_changes(operation: str) -> None:
    """Steps that change nothing of ours, and operations of later releases, are left aside."""
    assert changes_of(preview(key_step(operation, {}, {}))) == ()


def test_one_change_for_all_steps_of_a_replacement() -> None:
    """The engine may tell a replacement in several steps."""
    steps = [
        key_step(name, {}, {"name": "new"}) for name in ("create-replacement", "replace", "delete-replaced")
    ]
    assert [change.operation for change in changes_of(preview(*steps))] == ["replace"]


def test_components_are_no_resources_that_a_run_touches() -> None:
    """The engine lists them as steps of their own; nothing outside the state changes with them."""
    component = step("create", "GroqAccess", "access", new={})
    component["newState"] |= {"type": "groq:stacks:GroqAccess", "custom": False}
    assert (changes_of(preview(component)), others_of(preview(component))) == ((), {})


def test_changes_read_alike_in_both_spellings() -> None:
    """The plugin's state and plan are in camelCase, down to the rotation; labels stay as they are written."""
    labels = {"costCentre": "7"}
    dynamic = key_step(
        "update",
        {"rotation": {"every_days": 30, "overlap_hours": 24}},
        {"rotation": {"every_days": 90, "overlap_hours": 24}, "metadata": labels},
    )
    native = json.loads(json.dumps(dynamic))
    for state in (native["oldState"], native["newState"]):
        state["type"] = "groq:index:GroqApiKey"
        for part in {"inputs", "outputs"} & state.keys():
            state[part] = outward(ApiKeyState, state[part])
    assert "everyDays" in json.dumps(native)
    (spelled,) = changes_of(preview(native))
    assert spelled == changes_of(preview(dynamic))[0]
    assert [change.field for change in spelled.fields] == ["metadata", "rotation"]


def test_a_program_may_name_its_resources_alike() -> None:
    """A resource of another package whose type ends alike is not ours."""
    other = step("create", "GroqApiKey", "x", new={})
    other["newState"]["type"] = "acme:index:GroqApiKey"
    assert changes_of(preview(other)) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not JSON"),
        ("Previewing update (dev):", "is not JSON"),
        ("{}", "holds no preview"),
        ('{"steps": [{"op": 1}]}', "does not fit at steps.0.op"),
        ("[]", "does not fit at "),
    ],
)
def test_what_is_no_preview_is_one_line(text: str, why: str) -> None:
    """A wrong file is named, with what to give instead."""
    with pytest.raises(ConfigurationError) as caught:
        read_preview(text, "plan.json")
    assert str(caught.value).startswith(f"plan.json {why}")
    assert "pulumi preview --json" in str(caught.value)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("name", "team", "allowed_models", "requests_per_minute", "monthly_budget_usd", "expires_at")


@settings(deadline=None, max_examples=60)
@given(
    old=st.dictionaries(st.sampled_from([*FIELDS, "rotation", "metadata", "disabled", "key_id"]), ODD),
    new=st.dictionaries(st.sampled_from([*FIELDS, "rotation", "rotation_due", "managed_by"]), ODD),
)
def test_any_properties_can_be_reviewed(old: dict[str, Any], new: dict[str, Any]) -> None:
    """A state of another release never stops a review: what does not fit a field counts as out of sight."""
    document = {"steps": [key_step("update", old, new)]}
    made = review(read_preview(json.dumps(document), "x"), catalogue=CATALOGUE, live="not asked", now=NOON)
    assert "#### Change API key" in review_markdown(made)


def test_hidden_values_differ_where_the_check_said_so() -> None:
    """Two secrets look alike in a preview; only the inputs' own list tells which of them change."""
    hidden = {"alert_webhook_urls": "[secret]", "alert_webhook_signing_secret": "[secret]"}
    told = {**hidden, "secrets_changing": ["the webhook's address changes"]}
    (change,) = changes_of(preview(policy_step("update", hidden, told)))
    assert [(each.field, each.old_hidden, each.new_hidden) for each in change.fields] == [
        ("alert_webhook_urls", True, True)
    ]
