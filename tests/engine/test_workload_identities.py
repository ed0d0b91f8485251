"""Workload identities on the real engine, over either adapter."""

import re
from typing import Any

import pytest

from local_engine import BOTH_PACKAGES
from pulumi_groq.errors import NotFoundError
from pulumi_groq.models.workload_identity import WorkloadIdentitySettings

pytestmark = pytest.mark.engine

DEPLOY = {
    "issuer": "https://token.actions.githubusercontent.com",
    "audience": "https://groq.example.com",
    "claims": {"sub": "repo:acme/infra:environment:groq"},
    "admin_role": "viewer",
}


@BOTH_PACKAGES
def test_life_of_a_workload_identity(gateway: Any, stack: Any) -> None:
    """Create, no change, update in place, drift, repair and destroy; a foreign one is not overwritten."""
    stack.declare(identities={"deploy": DEPLOY})
    stack.up()
    with gateway.client() as client:
        made = client.get_workload_identity("deploy")
        assert (made.claims, made.admin_role) == (DEPLOY["claims"], "viewer")
        gateway.control("reset-counts")
        stack.up()
        assert gateway.requests() == {}

        stack.declare(identities={"deploy": {**DEPLOY, "admin_role": "billing"}})
        assert re.search(r"~ admin_?[rR]ole *: \"viewer\" => \"billing\"", stack.preview().output)
        stack.up()
        changed = client.get_workload_identity("deploy")
        assert (changed.admin_role, changed.id) == ("billing", made.id)

        widened = WorkloadIdentitySettings.model_validate({**DEPLOY, "admin_role": "owner"})
        client.put_workload_identity("deploy", widened)
        stack.refresh()
        assert re.search(r"\"owner\" *=> \"billing\"", stack.preview().output)
        stack.up()
        assert client.get_workload_identity("deploy").admin_role == "billing"

        stack.destroy()
        with pytest.raises(NotFoundError):
            client.get_workload_identity("deploy")

        client.put_workload_identity("deploy", widened)
        assert "adopt" in stack.fails_up().output
        assert client.get_workload_identity("deploy").admin_role == "owner"


POD = {
    "issuer": "https://cluster.example.com",
    "audience": "https://groq.example.com",
    "claims": {"sub": "system:serviceaccount:research:app"},
    "allowed_models": ["openai/gpt-oss-20b"],
    "budgets": [{"usd": 5, "per": "day"}],
    "model_limits": {"openai/gpt-oss-20b": {"requests_per_day": 9}},
    "runaway": {"times_usual": 10},
    "share": 2,
}


@BOTH_PACKAGES
def test_limits_of_a_workload_identity(gateway: Any, stack: Any) -> None:
    """Set, unchanged, drifted and put right: what holds a key holds an identity."""
    stack.declare(identities={"pods": POD})
    stack.up()
    with gateway.client() as client:
        made = client.get_workload_identity("pods")
        shown = made.model_dump(mode="json", exclude_none=True)
        assert {name: shown[name] for name in ("budgets", "model_limits", "share")} == {
            name: POD[name] for name in ("budgets", "model_limits", "share")
        }
        gateway.control("reset-counts")
        stack.up()
        assert gateway.requests() == {}

        loose = WorkloadIdentitySettings.model_validate({**POD, "budgets": [], "runaway": None})
        client.put_workload_identity("pods", loose)
        stack.refresh()
        assert "budgets" in stack.preview().output
        stack.up()
        repaired = client.get_workload_identity("pods")
        assert (repaired.budgets, repaired.runaway) == (made.budgets, made.runaway)
