"""What a field means is said once, on the field, and everything else that says it says the same."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel

import pulumi_groq
from pulumi_groq.access import (
    DeclaredAdminKey,
    DeclaredIdentity,
    DeclaredKey,
    DeclaredSpendPolicy,
    DeclaredTeam,
)
from pulumi_groq.lifecycle.admin_key import AdminKeyArgs
from pulumi_groq.lifecycle.key_state import ApiKeyArgs
from pulumi_groq.lifecycle.spend_policy import SpendPolicyArgs
from pulumi_groq.lifecycle.team import TeamArgs
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityArgs
from pulumi_groq.models.admin_key import AdminKeyCreate
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate
from pulumi_groq.models.budgets import Budget, ModelLimits
from pulumi_groq.models.rotation import FreezeWindow, RotationSchedule
from pulumi_groq.models.runaway import RunawayGuard
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import TeamSettings
from pulumi_groq.models.workload_identity import WorkloadIdentitySettings
from pulumi_groq.resources.budget_args import BudgetArgs, ModelLimitsArgs
from pulumi_groq.resources.rotation_args import FreezeWindowArgs, RotationArgs
from source_modules import PACKAGE

DESCRIBED = ("access", "lifecycle", "models", "rotation")
"""The packages whose models are what people declare, send and read."""

NOT_DECLARED = {"managed_by", "declared_as"}  # the resource fills these in itself
NOT_FIELDS = {"resource_name", "opts"}

PARAMETER = re.compile(r"^:param (\w+): (.*?)(?=^:param |^$|\Z)", re.MULTILINE | re.DOTALL)
UPPER_BOUNDS = ("maximum", "maxLength", "maxItems", "maxProperties")


def _models() -> Iterator[type[BaseModel]]:
    for package in DESCRIBED:
        for file in sorted((PACKAGE / package).rglob("*.py")):
            name = ".".join(("pulumi_groq", *file.relative_to(PACKAGE).with_suffix("").parts))
            for kind in vars(import_module(name)).values():
                if inspect.isclass(kind) and issubclass(kind, BaseModel) and kind.__module__ == name:
                    yield kind


MODELS = list(_models())
WRITTEN = [
    ApiKeyCreate,
    ApiKeyUpdate,
    TeamSettings,
    SpendPolicySettings,
    RotationSchedule,
    FreezeWindow,
    RunawayGuard,
    AdminKeyArgs,
    AdminKeyCreate,
    ApiKeyArgs,
    TeamArgs,
    SpendPolicyArgs,
    WorkloadIdentityArgs,
    WorkloadIdentitySettings,
    DeclaredKey,
    DeclaredTeam,
    DeclaredSpendPolicy,
    DeclaredAdminKey,
    DeclaredIdentity,
]
"""The models whose fields people fill in."""
GIVEN_BY_THE_SERVER = {"replaces", "adopt_key_id"}


def _parameters(documented: object) -> dict[str, str]:
    text = inspect.getdoc(documented) or ""
    return {name: " ".join(words.split()) for name, words in PARAMETER.findall(text)}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_says_what_it_means(model: type[BaseModel]) -> None:
    """Each field has a description that is a sentence."""
    silent = [
        name
        for name, field in model.model_fields.items()
        if not re.fullmatch(r"[A-Z`].*\.", field.description or "")
    ]
    assert silent == []


@pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.__name__)
def test_every_field_says_how_large_it_may_be(model: type[BaseModel]) -> None:
    """A field with an upper bound names it, so that nobody has to be refused to learn it."""
    untold = [
        (name, bound)
        for name, shape in model.model_json_schema()["properties"].items()
        for bound in _upper_bounds(shape)
        if f"{bound:,}" not in shape["description"] and name not in GIVEN_BY_THE_SERVER
    ]
    assert untold == []


def _upper_bounds(shape: dict[str, Any]) -> Iterator[int]:
    yield from (shape[bound] for bound in UPPER_BOUNDS if bound in shape)
    for one in shape.get("anyOf", []):
        yield from _upper_bounds(one)


@pytest.mark.parametrize(
    ("documented", "model"),
    [
        (pulumi_groq.GroqApiKey, ApiKeyArgs),
        (pulumi_groq.GroqAdminKey, AdminKeyArgs),
        (pulumi_groq.GroqTeam, TeamArgs),
        (pulumi_groq.GroqSpendPolicy, SpendPolicyArgs),
        (pulumi_groq.GroqWorkloadIdentity, WorkloadIdentityArgs),
        (RotationArgs, RotationSchedule),
        (FreezeWindowArgs, FreezeWindow),
        (BudgetArgs, Budget),
        (ModelLimitsArgs, ModelLimits),
    ],
    ids=lambda part: part.__name__,
)
def test_arguments_are_documented_in_the_words_of_their_fields(
    documented: type, model: type[BaseModel]
) -> None:
    """The docstring has a `:param` for each field, which is the field's description."""
    described = {
        name: field.description for name, field in model.model_fields.items() if name not in NOT_DECLARED
    }
    told = {name: text for name, text in _parameters(documented).items() if name not in NOT_FIELDS}
    assert told == described
