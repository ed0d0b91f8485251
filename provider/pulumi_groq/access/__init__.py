"""access.yaml: who may use Groq and who may change that, read with file and line in every error."""

from pulumi_groq.access.loader import load_access, read_access
from pulumi_groq.access.model import (
    Access,
    DeclaredAdminKey,
    DeclaredIdentity,
    DeclaredKey,
    DeclaredSpendPolicy,
    DeclaredTeam,
    arguments,
)

__all__ = [
    "Access",
    "DeclaredAdminKey",
    "DeclaredIdentity",
    "DeclaredKey",
    "DeclaredSpendPolicy",
    "DeclaredTeam",
    "arguments",
    "load_access",
    "read_access",
]
