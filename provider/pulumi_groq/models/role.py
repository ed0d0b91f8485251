"""The roles of the admin plane, by name; what each may do is in `policy.roles`."""

from typing import Literal

AdminRole = Literal["owner", "team-admin", "billing", "viewer", "auditor"]
