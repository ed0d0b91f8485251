"""The client of the gateway's admin API: the only package that knows its URLs and status codes."""

from pulumi_groq.admin.client import AdminClient
from pulumi_groq.admin.keys import CreatedAdminKey, CreatedKey
from pulumi_groq.admin.listing import AdminKeyListing, KeyListing
from pulumi_groq.admin.settings import AdminSettings, Configured

__all__ = [
    "AdminClient",
    "AdminKeyListing",
    "AdminSettings",
    "Configured",
    "CreatedAdminKey",
    "CreatedKey",
    "KeyListing",
]
