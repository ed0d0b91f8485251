"""PATCH as a property: a field left out stays, null clears it, a value is what is read back."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.admin.key_guard import guard_of, guard_shown
from pulumi_groq.gateway.admin.key_merge import merged
from pulumi_groq.gateway.admin.refusals import Invalid
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.models.api_key import ApiKeyUpdate
from pulumi_groq.models.fields import micro_usd
from pulumi_groq.models.runaway import RunawayGuard

EARLIER, NOW = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)

limits = st.integers(1, 10**9) | st.just("unlimited")
names = st.text("abc/ é", min_size=1, max_size=20).map(str.strip).filter(bool)
settings = {
    "allowed_models": st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True),
    "allowed_tools": st.lists(st.sampled_from(["image_urls", "web_search"]), max_size=2, unique=True),
    "requests_per_minute": st.none() | limits,
    "tokens_per_minute": st.none() | limits,
    "requests_per_day": st.none() | limits,
    "tokens_per_day": st.none() | limits,
    "max_parallel_requests": st.none() | limits,
    "monthly_budget_usd": st.none() | st.integers(1, 10**15).map(lambda micro: Decimal(micro) / 10**6),
    "runaway": st.none()
    | st.builds(
        RunawayGuard,
        spend_usd_per_10_min=st.integers(1, 10**15).map(lambda micro: Decimal(micro) / 10**6),
        times_usual=st.none() | st.integers(2, 10_000),
        action=st.just("pause_key"),
        resume_after_minutes=st.none() | st.integers(1, 10_080),
    ),
    "share": st.none() | st.integers(1, 1_000),
    "expires_at": st.none() | st.datetimes(timezones=st.just(UTC)),
    "team": st.none() | names,
    "metadata": st.dictionaries(names, names, max_size=3),
    "managed_by": st.none() | names,
    "declared_as": st.none() | names,
    "disabled": st.booleans(),
}
patches = st.fixed_dictionaries({}, optional=settings)


@st.composite
def records(draw: Any) -> KeyRecord:
    values = {name: draw(strategy) for name, strategy in settings.items()}
    budget = values.pop("monthly_budget_usd")
    values["runaway"] = guard_of(values["runaway"])
    for name in ("allowed_models", "allowed_tools"):
        values[name] = tuple(values[name])
    return KeyRecord(
        id="key_01a",
        key_hash=b"h" * 32,
        last_four="abcd",
        name="n",
        replaces=None,
        lineage_id="key_01a",
        generation=1,
        created_at=EARLIER,
        updated_at=EARLIER,
        monthly_budget_micro_usd=None if budget is None else micro_usd(budget),
        **values,
    )


def as_sent(record: KeyRecord) -> dict[str, Any]:
    """The settings of a record in the form of a patch."""
    budget = record.monthly_budget_micro_usd
    shown = {name: getattr(record, name) for name in settings if name != "monthly_budget_usd"}
    return shown | {
        "allowed_models": list(record.allowed_models),
        "allowed_tools": list(record.allowed_tools),
        "monthly_budget_usd": None if budget is None else Decimal(budget) / 10**6,
        "runaway": None if record.runaway is None else guard_shown(record.runaway),
    }


@given(record=records(), patch=patches)
def test_exactly_the_named_fields_change(record: Any, patch: Any) -> None:
    """Everything else of the record is as it was."""
    result = merged(record, ApiKeyUpdate(**patch), NOW)
    assert as_sent(result) == as_sent(record) | patch
    fixed = ("id", "key_hash", "last_four", "name", "lineage_id", "generation", "created_at")
    assert [getattr(result, name) for name in fixed] == [getattr(record, name) for name in fixed]


@given(record=records(), patch=patches)
def test_a_patch_twice_is_a_patch_once(record: Any, patch: Any) -> None:
    """The second time nothing changes, so not even the record is a new one."""
    once = merged(record, ApiKeyUpdate(**patch), NOW)
    assert merged(once, ApiKeyUpdate(**patch), NOW) is once


@given(record=records(), first=patches, second=patches)
def test_the_later_of_two_patches_wins_field_by_field(record: Any, first: Any, second: Any) -> None:
    """Two patches are the one that both make together."""
    after_both = merged(merged(record, ApiKeyUpdate(**first), NOW), ApiKeyUpdate(**second), NOW)
    at_once = merged(record, ApiKeyUpdate(**(first | second)), NOW)
    assert as_sent(after_both) == as_sent(at_once)


@given(record=records(), patch=patches)
def test_updated_at_moves_exactly_when_something_changes(record: Any, patch: Any) -> None:
    """Whoever compares it learns whether there was a change."""
    result = merged(record, ApiKeyUpdate(**patch), NOW)
    assert result.updated_at == (EARLIER if as_sent(result) == as_sent(record) else NOW)


@given(record=records(), patch=patches, name=st.sampled_from(["allowed_models", "disabled"]))
def test_null_is_refused_where_a_value_must_be(record: Any, patch: Any, name: str) -> None:
    """Whatever else the patch holds."""
    with pytest.raises(Invalid) as refused:
        merged(record, ApiKeyUpdate(**(patch | {name: None})), NOW)
    assert refused.value.detail.param == name
