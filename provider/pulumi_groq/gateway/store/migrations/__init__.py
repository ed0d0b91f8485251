"""Revisions of the store's schema, and what they are made of."""
