"""What the metering or the policy denies, as an answer."""

from pulumi_groq.gateway.http.asgi import Header
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.policy.metering import Denial


def denied(denial: Denial, headers: tuple[Header, ...]) -> Refusal:
    """The answer to a denied request, with when to come again where that is known."""
    if denial.retry_after_s is not None:
        headers = (*headers, (b"retry-after", b"%d" % denial.retry_after_s))
    return Refusal(
        denial.status,
        denial.type,
        denial.message,
        reason=denial.reason or denial.code,
        code=denial.code or None,
        headers=headers,
    )
