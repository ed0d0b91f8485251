"""How tests ask their fixtures for keys."""

from collections.abc import Callable

from pulumi_groq.policy.access import KeyAccess

MakeKey = Callable[..., KeyAccess]
"""Gives a key; takes what the test says of it by name."""
