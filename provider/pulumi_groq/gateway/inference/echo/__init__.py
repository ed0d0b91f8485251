"""The built-in upstream: answers shaped like Groq's, without an account or a network."""

from pulumi_groq.gateway.inference.echo.request import EchoScript
from pulumi_groq.gateway.inference.echo.upstream import EchoUpstream

__all__ = ["EchoScript", "EchoUpstream"]
