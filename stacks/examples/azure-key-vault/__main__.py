"""A key that rotates each month, its value in Azure Key Vault as groq-chatbot-prod.

Configuration: `azure:resourceGroup` and `azure:vault`, a vault that exists. A new value is a new version;
read the secret without one, which gives the newest.
"""

import pulumi
from pulumi_azure_native.keyvault import Secret, SecretPropertiesArgs

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
config = pulumi.Config("azure")
Secret(
    "chatbot-prod",
    resource_group_name=config.require("resourceGroup"),
    vault_name=config.require("vault"),
    secret_name="groq-chatbot-prod",
    properties=SecretPropertiesArgs(value=key.api_key, content_type="text/plain"),
    tags={"key-id": key.key_id},
)
