"""Names of properties: snake_case inside, camelCase outside, labels as written."""

import pytest
from pydantic import BaseModel

from pulumi_groq.lifecycle.default_values import with_defaults, without_defaults
from pulumi_groq.lifecycle.key_state import ApiKeyArgs, ApiKeyState
from pulumi_groq.lifecycle.spend_policy import SpendPolicyState
from pulumi_groq.models.spelling import camel, outward
from pulumi_groq.plugin.spelling import inward, respelled, strangers

BAG = {
    "allowed_models": ["a"],
    "metadata": {"cost_centre": "7", "costCentre": "8"},
    "rotation": {"every_days": 30, "freeze_windows": [{"start": "s", "end": "e"}]},
}


def test_names_go_out_in_camel_case_at_every_depth() -> None:
    """Fields of nested models too; keys of `metadata` are the program's own."""
    assert outward(ApiKeyArgs, BAG) == {
        "allowedModels": ["a"],
        "metadata": {"cost_centre": "7", "costCentre": "8"},
        "rotation": {"everyDays": 30, "freezeWindows": [{"start": "s", "end": "e"}]},
    }


def test_names_come_in_from_either_spelling() -> None:
    """A state of the dynamic resources reads like one of the plugin; its pickled provider is left out."""
    assert inward(ApiKeyArgs, outward(ApiKeyArgs, BAG)) == BAG
    assert inward(ApiKeyArgs, {**BAG, "__provider": "gASV"}) == BAG


class _Window(BaseModel):
    starts_at: str
    open_hours: int = 8


class _Shop(BaseModel):
    by_city: dict[str, _Window] | None = None


def test_keys_of_a_mapping_stay_while_the_models_below_them_are_respelled() -> None:
    """As a program writes them, also where they look like names of fields; with their defaults."""
    bag = {"by_city": {"new_york": {"starts_at": "9", "open_hours": 8}, "laPaz": {"starts_at": "8"}}}
    sent = outward(_Shop, bag)
    assert sent == {"byCity": {"new_york": {"startsAt": "9", "openHours": 8}, "laPaz": {"startsAt": "8"}}}
    assert inward(_Shop, sent) == bag
    assert without_defaults(_Shop, bag)["by_city"]["new_york"] == {"starts_at": "9"}
    strange = {"byCity": {"laPaz": {"startsAt": "8", "ends_at": "9"}}}
    assert list(strangers(_Shop, strange)) == ['byCity["laPaz"].ends_at']


@pytest.mark.parametrize("model", [ApiKeyState, SpendPolicyState])
def test_no_two_fields_share_a_spelling(model: type[ApiKeyState]) -> None:
    """Nothing is lost on the way out and in."""
    assert len({camel(name) for name in model.model_fields}) == len(model.model_fields)


def test_strangers_are_found_at_every_depth() -> None:
    """What no field is spelled like is named with its path; the inner spelling is a stranger too."""
    declared = {
        "allowed_models": [],
        "rotation": {"everyDay": 1, "freezeWindows": [{"start": "s", "until": "e"}]},
        "metadata": {"any_thing": "x"},
    }
    assert list(strangers(ApiKeyArgs, declared)) == [
        "allowed_models",
        "rotation.everyDay",
        "rotation.freezeWindows[0].until",
    ]


def test_sentences_name_properties_as_the_engine_does() -> None:
    """Only names of properties are spelled anew: a tool's name stays."""
    text = "freeze_windows[0].end must be after start; overlap_hours as browser_search"
    expected = "freezeWindows[0].end must be after start; overlapHours as browser_search"
    assert respelled(text) == expected


def test_defaults_are_left_out_and_put_back() -> None:
    """What nobody declared does not show; what was declared beside the default does."""
    declared = {
        "allowed_models": ["a"],
        "disabled": False,
        "allow_delete_in_use": True,
        "rotation": {"every_days": 30, "overlap_hours": 24, "quiet_hours": 12, "freeze_windows": []},
        "allowed_tools": [],
    }
    slim = without_defaults(ApiKeyArgs, declared)
    assert slim == {
        "allowed_models": ["a"],
        "allow_delete_in_use": True,
        "rotation": {"every_days": 30, "quiet_hours": 12},
    }
    full = with_defaults(ApiKeyArgs, slim)
    assert (full["disabled"], full["rotation"]["overlap_hours"]) == (False, 24)


def test_a_rotation_of_defaults_alone_is_still_declared() -> None:
    """An empty rotation is not no rotation."""
    assert without_defaults(ApiKeyArgs, {"rotation": {"overlap_hours": 24}}) == {"rotation": {}}


def test_a_name_with_a_number_comes_in_either_spelling() -> None:
    """Pulumi's Python SDK knows it by a third one, and hands on the models' own."""
    for name in ("spend_usd_per_10_min", "spendUsdPer10Min"):
        bag = {"runaway": {name: 5}}
        assert list(strangers(ApiKeyArgs, bag)) == []
        assert inward(ApiKeyArgs, bag) == {"runaway": {"spend_usd_per_10_min": 5}}
    assert list(strangers(ApiKeyArgs, {"runaway": {"times_usual": 5}})) == ["runaway.times_usual"]
    assert respelled("runaway.spend_usd_per_10_min must be more than 0") == (
        "runaway.spendUsdPer10Min must be more than 0"
    )
