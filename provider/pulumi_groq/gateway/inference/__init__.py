"""The inference plane: takes callers' requests to the upstream and back, held to their keys' rules."""

from pulumi_groq.gateway.inference.echo import EchoUpstream
from pulumi_groq.gateway.inference.http_upstream import HttpUpstream
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.plane import InferencePlane
from pulumi_groq.gateway.inference.upstream import Upstream

__all__ = ["EchoUpstream", "HttpUpstream", "InferenceOptions", "InferencePlane", "Upstream"]
