"""policy.yaml enforced where Pulumi runs: by the program at preview, and as a CrossGuard policy pack."""

from pulumi_groq.guardrails.program import enforce

__all__ = ["enforce"]
