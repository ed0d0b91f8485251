"""access.yaml: the declaration of teams, keys and spending, read with file and line in every error."""

from pulumi_groq.access.loader import load_access, read_access
from pulumi_groq.access.model import Access, DeclaredKey, DeclaredSpendPolicy, DeclaredTeam

__all__ = ["Access", "DeclaredKey", "DeclaredSpendPolicy", "DeclaredTeam", "load_access", "read_access"]
