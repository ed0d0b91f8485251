"""The validation of what is declared against what the gateway has: everything but the trial calls."""

from pulumi_groq.access import Access
from pulumi_groq.reports.checks import Check
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.stack_export import StackState
from pulumi_groq.reports.validation_keys import file_keys, stack_keys, strangers
from pulumi_groq.reports.validation_rest import policy, teams


def compared(
    state: StackState | None, access: Access | None, live: Live, *, allow_unmanaged: bool = False
) -> tuple[Check, ...]:
    """Every declaration against the live state: of the stack, of the access file, or of both."""
    checks: list[Check] = []
    if state is not None:
        checks += stack_keys(state, live)
        checks += strangers(state, live, allow_unmanaged=allow_unmanaged)
    if access is not None:
        checks += file_keys(access, state, live)
    checks += teams(state, access, live)
    checks += policy(state, access, live)
    return tuple(checks)
