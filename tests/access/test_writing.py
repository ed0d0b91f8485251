"""What the package writes as an access file is what it reads back, and what its schema accepts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some
from pydantic import BaseModel

from pulumi_groq.access import read_access
from pulumi_groq.access.model import (
    DeclaredAdminKey,
    DeclaredIdentity,
    DeclaredKey,
    DeclaredSpendPolicy,
    DeclaredTeam,
)
from pulumi_groq.access.schema import FIRST_LINE, access_schema, schema_text
from pulumi_groq.access.writing import access_text
from pulumi_groq.models.markers import BY_PLACE, marked

STACKS = Path(__file__).parents[2] / "stacks"
SCHEMA = jsonschema_rs.validator_for(access_schema())
NAMES = some.text(min_size=1, max_size=30).filter(lambda text: text.isprintable() and text == text.strip())
VALUES = some.text(some.characters(codec="utf-8"), max_size=40)
KEY = "teams: {t: {allowed_models: [a], keys: {k: {%s}}}}"


@given(team=NAMES, key=NAMES, label=NAMES, value=VALUES, amount=some.integers(1, 10**9))
def test_what_is_written_is_read_back(team: str, key: str, label: str, value: str, amount: int) -> None:
    """Any name and label survives, whatever YAML would make of it unquoted."""
    fields = {"requests_per_minute": amount, "metadata": {label: value}, "expires_at": "2030-01-01T00:00:00Z"}
    written = {team: {"allowed_models": ["a", "b/c-1.5:x"], "keys": {key: fields, key + "2": {}}}}
    trusted = value.replace("\0", "") or "-"  # identities take no NUL
    claims = {"sub": trusted}
    text = access_text(
        written,
        {"monthly_cap_usd": amount / 4, "auto_pause": False},
        admin_keys={key: {"role": "viewer", "teams": [team]}},
        workload_identities={
            key: {
                "issuer": "https://i.example.com/x",
                "audience": trusted,
                "claims": claims,
                "admin_role": "owner",
            }
        },
    )
    read = read_access(text.encode(), "access.yaml")
    first, second = read.keys
    assert (read.teams[0].name, first.name, second.name) == (team, key, key + "2")
    assert (first.metadata, first.requests_per_minute) == ({label: value}, amount)
    assert (read.admin_keys[0].name, read.admin_keys[0].teams) == (key, [team])
    assert (read.identities[0].name, read.identities[0].claims) == (key, claims)
    assert read.spend_policy is not None
    assert read.spend_policy.auto_pause is False
    assert text.startswith(f"{FIRST_LINE}\n")


def test_the_schema_beside_the_reference_file_is_the_models_own() -> None:
    """`make docs` writes it; a change of a model without it is seen here."""
    assert (STACKS / "access.schema.json").read_text("utf-8") == schema_text()
    assert (STACKS / "access.yaml").read_text("utf-8").startswith(f"{FIRST_LINE}\n")


def test_every_field_is_described() -> None:
    """An editor shows the models' own words at each field that the file may have, and no other field."""
    schema = access_schema()
    shapes: dict[type[BaseModel], Any] = {
        DeclaredKey: schema["definitions"]["key"],
        DeclaredTeam: schema["definitions"]["team"],
        DeclaredSpendPolicy: schema["properties"]["spend_policy"],
        DeclaredAdminKey: schema["definitions"]["admin_key"],
        DeclaredIdentity: schema["definitions"]["workload_identity"],
    }
    secrets = {"alert_webhook_urls", "alert_webhook_signing_secret"}
    for model, shape in shapes.items():
        described = {name: field.description for name, field in model.model_fields.items()}
        elsewhere = marked(model, BY_PLACE) | secrets
        told = {name: field.get("description") for name, field in shape["properties"].items()}
        assert (
            told.items() >= {name: text for name, text in described.items() if name not in elsewhere}.items()
        )
        assert told.keys() - described.keys() <= {"keys"}


def _accepted(text: str) -> bool:
    # Editors read times as text, PyYAML does not.
    document: Any = yaml.load(text, Loader=yaml.BaseLoader if "T00:00" in text else yaml.SafeLoader)  # noqa: S506
    return SCHEMA.is_valid(document)


def test_the_reference_file_fits_its_schema() -> None:
    """The file that users copy shows no problem in an editor."""
    assert _accepted((STACKS / "access.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    "field",
    [
        "requests_per_minute: 0",
        "requests_per_minute: lots",
        "request_per_minute: 5",
        "monthly_budget_usd: -1",
        "allowed_models: a",
        "allowed_models: []",
        "allowed_tools: [Web Search]",
        "metadata: {cost: 12}",
        "rotation: {every_days: 0}",
        "rotation: {every_day: 3}",
        "rotation: {overlap_hours: 8761}",
        "disabled: maybe",
        "name: x",
        "team: t",
        "line: 3",
        "tokens_per_day: null",
    ],
)
def test_the_schema_refuses_what_the_file_may_not_have(
    problems: Callable[[str], list[str]], field: str
) -> None:
    """What the loader refuses in one field, the editor underlines."""
    assert problems(KEY % field)
    assert not _accepted(KEY % field)


@pytest.mark.parametrize(
    "field",
    [
        "requests_per_minute: unlimited",
        "requests_per_minute: 5",
        "monthly_budget_usd: 0.5",
        "rotation: {every_days: 30, freeze_windows: []}",
        'metadata: {cost: "12"}',
        "expires_at: 2030-01-01T00:00:00Z",
        "disabled: true",
        "adopt_key_id: key_1",
        "reason: x",
    ],
)
def test_the_schema_accepts_what_the_file_may_have(read: Callable[[str], Any], field: str) -> None:
    """What the loader reads is underlined by no editor."""
    assert read(KEY % field)
    assert _accepted(KEY % field)


RIGHTS = [
    "admin_keys: {a: {role: viewer, teams: [t], expires_at: 2030-01-01T00:00:00Z, reason: x}}",
    "workload_identities: {d: {issuer: 'https://i.example.com', audience: a, claims: {sub: s}, "
    "admin_role: owner}}",
    "workload_identities: {d: {issuer: 'https://i.example.com', audience: a, claim_patterns: {sub: 's*'}, "
    "team: t, allowed_models: [a], requests_per_minute: 5, monthly_budget_usd: 2.5, credential_minutes: 5}}",
]


@pytest.mark.parametrize("text", RIGHTS)
def test_the_schema_accepts_rights(read: Callable[[str], Any], text: str) -> None:
    """Admin keys and workload identities that the loader reads are underlined by no editor."""
    assert read(text)
    assert _accepted(text)


@pytest.mark.parametrize(
    ("right", "wrong"), [("viewer", "king"), ("role", "roles"), ("sub: s", "sub: 5"), ("audience: a,", "")]
)
def test_the_schema_refuses_rights_that_nobody_can_have(
    problems: Callable[[str], list[str]], right: str, wrong: str
) -> None:
    """What the loader refuses of them in one field, the editor underlines."""
    for text in RIGHTS:
        if right in text:
            assert problems(text.replace(right, wrong, 1))
            assert not _accepted(text.replace(right, wrong, 1))


@pytest.mark.parametrize("text", ["spend_policy: {auto_pause: true}", "teams: {t: {}}", "team: {}", "{}"])
def test_the_schema_knows_what_is_required(text: str) -> None:
    """A policy without its cap, a team without models, an unknown or an empty top level."""
    assert not _accepted(text)
