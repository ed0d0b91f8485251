"""A key that rotates each month, its value in the secret GROQ_API_KEY of a repository's workflows.

Configuration: `github:owner`, and a token that may write the repository's secrets. A workflow that has begun
keeps the value that it read: let the overlap be longer than the longest run.
"""

from pulumi_github import ActionsSecret

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
ActionsSecret("chatbot-prod", repository="chatbot", secret_name="GROQ_API_KEY", value=key.api_key)
