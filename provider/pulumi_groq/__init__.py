"""Groq access as code: API keys, limits, budgets and the spending policy as Pulumi resources."""
