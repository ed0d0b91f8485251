"""Teams and the spending policy on the real engine."""

import re
from decimal import Decimal
from typing import Any

import pytest

from local_engine import BOTH_PACKAGES
from pulumi_groq.errors import NotFoundError
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import TeamSettings

pytestmark = pytest.mark.engine

POLICY = {"monthly_cap_usd": 500, "alert_thresholds_usd": [100, 250, 400], "auto_pause": True}


@BOTH_PACKAGES
def test_life_of_the_spending_policy(gateway: Any, stack: Any) -> None:
    """Create, no change, update, drift, repair and destroy of the policy."""
    stack.declare(spend_policy=POLICY)
    stack.up()
    with gateway.client() as client:
        policy = client.get_spend_policy()
        assert [float(amount) for amount in policy.alert_thresholds_usd] == [100, 250, 400]
        gateway.control("reset-counts")
        stack.up()
        assert gateway.requests() == {}

        stack.declare(spend_policy={**POLICY, "monthly_cap_usd": 800})
        assert re.search(r"~ monthly_cap_usd *: 500 => 800", stack.preview().output)
        stack.up()
        assert client.get_spend_policy().monthly_cap_usd == 800

        client.put_spend_policy(SpendPolicySettings(monthly_cap_usd=Decimal(50), auto_pause=False))
        stack.refresh()
        repair = stack.preview().output
        assert re.search(r"~ monthly_cap_usd *: 50 *=> 800", repair)
        assert re.search(r"~ auto_pause *: false => true|- auto_pause *: false", repair)
        stack.up()
        assert client.get_spend_policy().monthly_cap_usd == 800

        stack.destroy()
        with pytest.raises(NotFoundError):
            client.get_spend_policy()


@BOTH_PACKAGES
def test_foreign_policy_is_not_overwritten(gateway: Any, stack: Any) -> None:
    """A policy that another stack set is taken over only on request."""
    with gateway.client() as client:
        client.put_spend_policy(SpendPolicySettings(monthly_cap_usd=Decimal(50)))
        stack.declare(spend_policy=POLICY)
        assert "set adopt_existing=True to take it over" in stack.fails_up().output
        assert client.get_spend_policy().monthly_cap_usd == 50
        stack.declare(spend_policy={**POLICY, "adopt_existing": True})
        stack.up()
        assert client.get_spend_policy().monthly_cap_usd == 500


@BOTH_PACKAGES
def test_life_of_a_team(gateway: Any, stack: Any) -> None:
    """A team comes before its keys, is changed in place, repaired after drift, and goes after its keys."""
    team = {"allowed_models": ["openai/gpt-oss-20b", "openai/gpt-oss-120b"]}
    key = {"allowed_models": ["openai/gpt-oss-20b"], "team": "research"}
    stack.declare(teams={"research": team}, keys={"research-lab": key})
    stack.up()
    with gateway.client() as client:
        assert [listed.team for listed in client.list_keys()] == ["research"]
        client.put_team("research", TeamSettings(allowed_models=["openai/gpt-oss-120b"]))
        stack.refresh()
        stack.up()
        assert sorted(client.get_team("research").allowed_models) == sorted(team["allowed_models"])
        stack.destroy()
        assert client.list_teams() == []
