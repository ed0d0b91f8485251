"""A team, a key of it that is rotated every 30 days, and the organisation's spending policy."""

import pulumi
from pulumi_groq_sdk import GroqApiKey, GroqSpendPolicy, GroqTeam, get_models

team = GroqTeam("chatbot", allowed_models=["openai/gpt-oss-120b", "openai/gpt-oss-20b"])
key = GroqApiKey(
    "chatbot-prod",
    team=team.team_name,
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30},
    metadata={"costCentre": "7"},
)
GroqSpendPolicy("spend-policy", monthly_cap_usd=500, alert_thresholds_usd=[100, 250, 400])

pulumi.export("keyId", key.key_id)
pulumi.export("apiKey", key.api_key)
pulumi.export("models", len(get_models().models))
