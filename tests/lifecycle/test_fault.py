"""What nobody expected, on one line and without what it says."""

import re
import sys
from typing import Any

import pytest

from pulumi_groq.lifecycle.fault import fault_in_words
from pulumi_groq.lifecycle.run import LifecycleRun
from pulumi_groq.lifecycle.team import TeamLifecycle

STATE = {"team_name": "search", "allowed_models": ["a"], "created_at": "2026-11-01T00:00:00Z"}


@pytest.mark.parametrize("limit", [None, 0])
def test_a_fault_is_told_by_its_type_and_its_place_in_the_package(
    limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text may hold a value, and is left out; the frames of the caller and of libraries are, too, and
    none is missing where tracebacks are not printed, as in a dynamic provider's process.
    """
    no_client: Any = None
    run = LifecycleRun(TeamLifecycle(no_client, print))
    with pytest.raises(AttributeError) as failed:
        run.delete("search", STATE)
    if limit is not None:
        monkeypatch.setattr(sys, "tracebacklimit", limit, raising=False)
    told = fault_in_words(failed.value)
    assert re.fullmatch(r"pulumi-groq failed: AttributeError in team\.py:[0-9]+", told)
