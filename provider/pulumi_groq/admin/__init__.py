"""The client of the gateway's admin API: the only package that knows its URLs and status codes."""

from pulumi_groq.admin.client import AdminClient, CreatedKey, KeySnapshot
from pulumi_groq.admin.listing import KeyListing
from pulumi_groq.admin.settings import AdminSettings, Configured, not_configured

__all__ = [
    "AdminClient",
    "AdminSettings",
    "Configured",
    "CreatedKey",
    "KeyListing",
    "KeySnapshot",
    "not_configured",
]
