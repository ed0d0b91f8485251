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
