"""Groq's models: sizes, retirements and prices, as dated data; imports models and errors only."""

from pulumi_groq.catalogue.catalogue import (
    Catalogue,
    CatalogueModel,
    Prices,
    Retirement,
    ToolPrice,
    UnpricedUsageError,
)

__all__ = ["Catalogue", "CatalogueModel", "Prices", "Retirement", "ToolPrice", "UnpricedUsageError"]
