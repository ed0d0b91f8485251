"""Workload identity: judges the tokens of OIDC issuers, and what they are exchanged for."""
