"""What the gateway serves now, for rules about what a run widens."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import pulumi

from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.admin.retry import Backoff
from pulumi_groq.errors import GroqError, InsufficientRoleError, NotFoundError
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.guardrails.rules import NoWidening, RuleBase
from pulumi_groq.reports.guardrails.sources import Serving, serving

_PATIENCE_S: Final = 15.0


def serving_now(rules: Mapping[str, RuleBase]) -> Serving | None:
    """What the gateway serves of this stack; `None` where no rule needs it now, or it gives no answer.

    Where the gateway is, the stack's configuration says, or else the environment, as for the resources.
    """
    now = datetime.now(UTC)
    if not any(isinstance(rule, NoWidening) and rule.holds_on(now) for rule in rules.values()):
        return None
    address = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        settings = AdminSettings.found(lambda name: pulumi.runtime.get_config(f"groq:{name}"), os.environ)
        with AdminClient(settings, deadline_s=_PATIENCE_S, backoff=Backoff(most_attempts=2)) as client:
            keys = tuple(client.snapshot().keys.values())
            teams = client.list_teams()
            try:
                policy = client.get_spend_policy()
            except (NotFoundError, InsufficientRoleError):
                policy = None
            rights = _rights(client)
    except GroqError:
        return None  # each rule that needs it then says that it could not be checked
    return serving(keys, teams, policy, *rights, address)


def _rights(client: AdminClient) -> tuple[Sequence[AdminKey], Sequence[WorkloadIdentity]]:
    """Admin keys and workload identities; none where the role may not read them, and so gives none."""
    try:
        return client.list_admin_keys(), client.list_workload_identities()
    except InsufficientRoleError:
        return (), ()
