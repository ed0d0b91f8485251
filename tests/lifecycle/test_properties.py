"""Property bags: unknowns, canonical dumps, failures and diffs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.lifecycle.key_state import ApiKeyArgs
from pulumi_groq.lifecycle.properties import (
    SECRETS_CHANGING,
    UNKNOWN,
    Checked,
    Failure,
    check_inputs,
    compare,
    dump,
    name_changing_secrets,
    parse,
)
from pulumi_groq.lifecycle.spend_policy import SpendPolicyArgs
from pulumi_groq.models import markers
from pulumi_groq.models.spend_policy import SECRET_CHANGES

FULL = {
    "name": "chatbot-prod",
    "allowed_models": ["b", "a"],
    "requests_per_minute": 500.0,
    "tokens_per_minute": 100000.0,
    "requests_per_day": "unlimited",
    "tokens_per_day": 5.0,
    "monthly_budget_usd": 12.5,
    "expires_at": "2027-01-01T01:00:00+01:00",
    "team": "chatbot",
    "metadata": {"owner": "platform"},
    "managed_by": "organization/infra/dev",
    "declared_as": "chatbot-prod",
    "disabled": False,
    "rotation": {"every_days": 30.0},
    "allow_delete_in_use": True,
}


def test_checked_inputs_are_canonical() -> None:
    """Models are sorted, times in UTC, unset fields left out, defaults shown."""
    checked = check_inputs(ApiKeyArgs, {"name": "a", "allowed_models": ["b", "a"], "team": None})
    assert checked.failures == ()
    assert checked.inputs == {
        "name": "a",
        "allowed_models": ["a", "b"],
        "disabled": False,
        "allow_delete_in_use": False,
    }


def test_canonical_inputs_stay_as_they_are() -> None:
    """Checking checked inputs changes nothing, so a second run sees no difference."""
    once = check_inputs(ApiKeyArgs, FULL).inputs
    assert once == check_inputs(ApiKeyArgs, once).inputs
    assert once["expires_at"] == "2027-01-01T00:00:00Z"


@pytest.mark.parametrize("name", sorted(FULL))
def test_each_field_may_be_unknown(name: str) -> None:
    """An unknown value in any field passes, and counts as a change."""
    checked = check_inputs(ApiKeyArgs, {**FULL, name: UNKNOWN})
    assert checked.failures == ()
    assert checked.inputs[name] is UNKNOWN
    assert name in compare(ApiKeyArgs, check_inputs(ApiKeyArgs, FULL).inputs, checked.inputs).changed


def test_unknown_inside_a_list_makes_the_field_unknown() -> None:
    """A list with one unknown item is unknown as a whole."""
    checked = check_inputs(ApiKeyArgs, {**FULL, "allowed_models": ["a", UNKNOWN]})
    assert checked.failures == ()
    assert checked.inputs["allowed_models"] == ["a", UNKNOWN]


def test_known_fields_are_checked_beside_unknown_ones() -> None:
    """An unknown field does not hide the fault of another."""
    checked = check_inputs(ApiKeyArgs, {**FULL, "team": UNKNOWN, "requests_per_minute": 0.0})
    assert [failure.property for failure in checked.failures] == ["requests_per_minute"]


def test_rule_over_two_fields_waits_for_both() -> None:
    """Thresholds are held against the cap only when the cap is known."""
    thresholds = {"alert_thresholds_usd": [900.0]}
    assert check_inputs(SpendPolicyArgs, {"monthly_cap_usd": UNKNOWN, **thresholds}).failures == ()
    assert check_inputs(SpendPolicyArgs, {"monthly_cap_usd": 500.0, **thresholds}).failures == (
        Failure("alert_thresholds_usd", "must not exceed monthly_cap_usd (500)"),
    )


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"name": None}, Failure("name", "is required")),
        (
            {"allowed_models": []},
            Failure("allowed_models", "must have at least 1 item"),
        ),
        ({"allowed_models": ["a", "b c"]}, "allowed_models[1]"),
        ({"metadata": {"k": 1.0}}, "metadata.k"),
        ({"rotation": {"every_days": 0.0}}, "rotation.every_days"),
        ({"rotation": "monthly"}, Failure("rotation", "must be a mapping of names to values")),
        ({"rotation": {"every_days": "30"}}, Failure("rotation.every_days", "must be a whole number")),
        ({"rotation": {"every_days": 30.5}}, Failure("rotation.every_days", "must be a whole number")),
        ({"rpm": 5}, Failure("rpm", "is not a property of this resource")),
        (
            {"requests_per_minute": 0.0},
            Failure(
                "requests_per_minute",
                'must be at least 1; leave it out for the server\'s default, or write "unlimited"',
            ),
        ),
        (
            {"monthly_budget_usd": 0.0},
            Failure("monthly_budget_usd", "must be more than 0; leave it out for none"),
        ),
    ],
)
def test_failures_name_property_and_reason(change: dict[str, object], failure: Failure | str) -> None:
    """Each fault names the property by its path."""
    (found,) = check_inputs(ApiKeyArgs, {**FULL, **change}).failures
    assert failure == (found.property if isinstance(failure, str) else found)


def test_change_of_the_name_replaces() -> None:
    """Replacement follows from the field's marker."""
    inputs = check_inputs(ApiKeyArgs, FULL).inputs
    change = compare(ApiKeyArgs, inputs, {**inputs, "name": "other"})
    assert (change.changed, change.replaces) == (("name",), ("name",))


def test_adopted_id_matters_once() -> None:
    """A field that matters at creation only is no change later."""
    inputs = check_inputs(ApiKeyArgs, FULL).inputs
    assert compare(ApiKeyArgs, inputs, {**inputs, "adopt_key_id": "key_1"}).changed == ()


def test_removed_limit_is_a_change() -> None:
    """A limit that is no longer declared goes back to the server's default, and shows."""
    inputs = check_inputs(ApiKeyArgs, FULL).inputs
    without = {name: value for name, value in inputs.items() if name != "tokens_per_day"}
    assert compare(ApiKeyArgs, inputs, without).changed == ("tokens_per_day",)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(ApiKeyArgs.model_fields)) | st.text(max_size=8), json_values))
def test_any_inputs_are_checked_without_an_exception(news: dict[str, object]) -> None:
    """Whatever comes in, the check gives inputs or failures; inputs it passes can be parsed back."""
    checked = check_inputs(ApiKeyArgs, news)
    if not checked.failures and not any(value is UNKNOWN for value in checked.inputs.values()):
        known = {name: value for name, value in checked.inputs.items() if "UNKNOWN" not in repr(value)}
        if known.keys() == checked.inputs.keys():
            assert dump(parse(ApiKeyArgs, checked.inputs)) == checked.inputs


URLS, SECRET = "alert_webhook_urls", "alert_webhook_signing_secret"


def test_every_secret_argument_has_words_for_its_change() -> None:
    """Whatever a preview hides, it can say of it that it changes."""
    assert SECRET_CHANGES.keys() == markers.marked(SpendPolicyArgs, markers.SECRET)


@pytest.mark.parametrize(
    ("olds", "news", "named"),
    [
        ({URLS: ["https://a.example"]}, {URLS: ["https://b.example"]}, [URLS]),
        ({URLS: ["https://a.example"]}, {URLS: ["https://a.example", "https://b.example"]}, [URLS]),
        ({SECRET: "a" * 16}, {SECRET: "b" * 16}, [SECRET]),
        (
            {URLS: ["https://a.example"], SECRET: "a" * 16},
            {URLS: ["https://b.example"], SECRET: "b" * 16},
            [URLS, SECRET],
        ),
        ({URLS: ["https://a.example"]}, {URLS: ["https://a.example"]}, None),
        ({}, {URLS: ["https://a.example"]}, None),
        ({URLS: ["https://a.example"]}, {}, None),
        ({URLS: ["https://a.example"]}, {URLS: UNKNOWN}, None),
        ({"monthly_cap_usd": 5.0}, {"monthly_cap_usd": 6.0}, None),
    ],
)
def test_changing_secrets_are_named_without_a_value(
    olds: dict[str, object], news: dict[str, object], named: list[str] | None
) -> None:
    """A check names each secret with another known value, and holds nothing of it; no other input changes."""
    checked = name_changing_secrets(SECRET_CHANGES, olds, Checked(dict(news), ()))
    words = named and [SECRET_CHANGES[name] for name in named]
    assert checked.inputs.get(SECRETS_CHANGING) == words
    assert {name: checked.inputs[name] for name in news} == news
    assert compare(SpendPolicyArgs, news, checked.inputs) == compare(SpendPolicyArgs, news, news)
