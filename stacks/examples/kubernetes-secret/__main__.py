"""A key that rotates each month, its value in the Kubernetes Secret groq-chatbot-prod.

A new value is an update in place. Pods that mount it see the new file within about a minute, environment
variables only after a restart: mount it, and read the file again when the gateway answers 401.
"""

from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
Secret(
    "chatbot-prod",
    metadata=ObjectMetaArgs(
        name="groq-chatbot-prod",
        namespace="chatbot",
        annotations={"groq/key-id": key.key_id},
    ),
    string_data={"api_key": key.api_key.apply(str)},  # only an adopted key has none
)
