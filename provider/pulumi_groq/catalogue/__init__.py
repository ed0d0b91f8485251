"""Groq's models: sizes, retirements and prices, as dated data; imports models and errors only."""

from pulumi_groq.catalogue.catalogue import (
    Catalogue,
    CatalogueModel,
    Prices,
    Retirement,
    ToolPrice,
    UnpricedUsageError,
)
from pulumi_groq.catalogue.likely import did_you_mean

__all__ = [
    "Catalogue",
    "CatalogueModel",
    "Prices",
    "Retirement",
    "ToolPrice",
    "UnpricedUsageError",
    "did_you_mean",
]
