"""A key that rotates each month, its value in OpenBao or Vault under secret/groq/chatbot-prod."""

from openbao_secret import OpenBaoSecret

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
OpenBaoSecret(
    "chatbot-prod",
    path="groq/chatbot-prod",
    value=key.api_key,
    key_id=key.key_id,
    previous_key_id=key.previous_key_id,
)
