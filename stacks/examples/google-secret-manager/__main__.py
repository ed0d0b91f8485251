"""A key that rotates each month, its value in Google Secret Manager as groq-chatbot-prod.

A new value is a new version; read `latest`. The version before it is disabled, not destroyed, so that it can
be enabled again within the overlap.
"""

from pulumi_gcp.secretmanager import Secret, SecretReplicationArgs, SecretReplicationAutoArgs, SecretVersion

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
secret = Secret(
    "chatbot-prod",
    secret_id="groq-chatbot-prod",
    replication=SecretReplicationArgs(auto=SecretReplicationAutoArgs()),
)
SecretVersion("chatbot-prod", secret=secret.id, secret_data=key.api_key, deletion_policy="DISABLE")
