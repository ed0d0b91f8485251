"""What a property reads as that the state leaves out."""

from typing import Any

import pytest

from pulumi_groq.lifecycle.default_values import with_default
from pulumi_groq.lifecycle.key_state import ApiKeyState
from pulumi_groq.models.rotation import RotationSchedule

SCHEDULE = RotationSchedule(every_days=30)


@pytest.mark.parametrize(
    ("name", "kept", "read"),
    [
        ("disabled", None, False),
        ("disabled", True, True),
        ("team", None, None),
        ("requests_per_minute", 500, 500),
        ("rotation", {"every_days": 30}, SCHEDULE.model_dump(mode="json", exclude_none=True)),
    ],
)
def test_what_is_not_kept_reads_as_its_default(name: str, kept: Any, read: Any) -> None:
    """What is kept reads as it is, and what is neither kept nor has a default as nothing."""
    found = with_default(ApiKeyState, name, kept)
    assert (found | {"freeze_windows": []} if isinstance(found, dict) else found) == read
