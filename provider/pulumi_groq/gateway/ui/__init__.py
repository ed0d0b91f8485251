"""The page that people look at: read-only, signed in with the admin key."""

from pulumi_groq.gateway.ui.app import SIGN_IN_PATH, SIGN_OUT_PATH, UI_PATH, Ui

__all__ = ["SIGN_IN_PATH", "SIGN_OUT_PATH", "UI_PATH", "Ui"]
