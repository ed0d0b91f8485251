"""The pulumi-groq command."""
