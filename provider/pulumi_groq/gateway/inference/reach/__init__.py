"""What a request lets the upstream do or read beyond its body: told by one rule for all JSON routes.

The rule is a list of what is known to be harmless. What is not on it needs a permission, or is refused.
"""

from pulumi_groq.gateway.inference.reach.reading import reach_of

__all__ = ["reach_of"]
