"""The gauges at `/metrics` show what is so when they are read."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from in_process_gateway import MODEL, InProcessGateway, Wire, in_process_gateway
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.spend_policy import SpendPolicySettings


def gauges(gateway: InProcessGateway) -> dict[str, float]:
    text = gateway.answer(httpx.Request("GET", "http://gateway/metrics")).text
    return {
        family.name.removeprefix("pulumi_groq_"): family.samples[0].value
        for family in text_string_to_metric_families(text)
        if family.type == "gauge"
    }


def test_gauges_follow_the_policy_and_the_spend(tmp_path: Path) -> None:
    """Without a cap the month's is infinite; a served request is spent, and nothing runs after it."""
    with in_process_gateway(tmp_path) as gateway:
        before = gauges(gateway)
        assert before["month_cap_micro_usd"] == float("inf")
        client = Wire(gateway).client()
        client.put_spend_policy(SpendPolicySettings.model_validate({"monthly_cap_usd": 5}))
        key = client.create_key(ApiKeyCreate(name="a", allowed_models=[MODEL]), "one").key
        assert gateway.chat(key.api_key) == 200
        after = gauges(gateway)
    assert after["month_cap_micro_usd"] == 5_000_000
    assert after["month_spend_micro_usd"] > before["month_spend_micro_usd"] == 0
    assert {name: after[name] for name in ("running_requests", "open_reservations", "failing_parts")} == {
        "running_requests": 0,
        "open_reservations": 0,
        "failing_parts": 0,
    }
