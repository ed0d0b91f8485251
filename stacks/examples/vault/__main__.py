"""A key that rotates each month, its value in HashiCorp Vault under secret/groq/chatbot-prod.

A new value is a new version of the KV version 2 secret. The example beside it for OpenBao does the same
without this provider, and destroys a retired key's version.
"""

import pulumi
from pulumi_vault.kv import SecretV2

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
SecretV2(
    "chatbot-prod",
    mount="secret",
    name="groq/chatbot-prod",
    data_json=pulumi.Output.json_dumps({"api_key": key.api_key, "key_id": key.key_id}),
    delete_all_versions=True,
)
