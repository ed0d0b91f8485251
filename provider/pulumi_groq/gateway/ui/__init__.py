"""The page that people look at: read-only, signed in with the admin key."""

from pulumi_groq.gateway.ui.app import UI_PATHS, Ui

__all__ = ["UI_PATHS", "Ui"]
