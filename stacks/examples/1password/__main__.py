"""A key that rotates each month, its value in the 1Password item "Groq chatbot-prod".

Configuration: `onepassword:vault`, the vault's id, and a service account's token. Read it as
`op://VAULT/Groq chatbot-prod/password`; a new value replaces the password, whose history 1Password keeps.
"""

import pulumi
from pulumi_onepassword import Item

from pulumi_groq import GroqApiKey

key = GroqApiKey(
    "chatbot-prod",
    allowed_models=["openai/gpt-oss-20b"],
    requests_per_minute=500,
    rotation={"every_days": 30, "overlap_hours": 24, "quiet_hours": 24},
)
Item(
    "chatbot-prod",
    vault=pulumi.Config("onepassword").require("vault"),
    title="Groq chatbot-prod",
    category="password",
    password=key.api_key.apply(str),  # only an adopted key has none
    tags=["groq"],
)
