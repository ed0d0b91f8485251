"""A key that rotates each month, its value in AWS Secrets Manager as groq/chatbot-prod.

A new value is a new version: AWSCURRENT from then on, and the one before it is AWSPREVIOUS. Read it by name
alone, which gives AWSCURRENT.
"""

import pulumi
from pulumi_aws.secretsmanager import Secret, SecretVersion

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
secret = Secret("chatbot-prod", name="groq/chatbot-prod", tags={"managed-by": "pulumi"})
SecretVersion(
    "chatbot-prod",
    secret_id=secret.id,
    secret_string=pulumi.Output.json_dumps({"api_key": key.api_key, "key_id": key.key_id}),
)
