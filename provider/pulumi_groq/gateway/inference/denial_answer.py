"""The answer to what the metering or the policy denies."""

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.cost_estimate import CostEstimate
from pulumi_groq.gateway.inference.remedy import remedy_of
from pulumi_groq.policy.metering import Denial


def denied(denial: Denial, estimate: CostEstimate | None = None, *, close: bool = False) -> Refusal:
    """The answer to a denied request: when to come again where that is known, and where spending refused
    what to change in the request whose worst case is known.
    """
    message = denial.message
    if denial.allowance is not None and estimate is not None:
        message = f"{message} {remedy_of(estimate, denial.allowance)}"
    headers = denial.headers
    if denial.retry_after_s is not None:
        headers = (*headers, (b"retry-after", b"%d" % denial.retry_after_s))
    return Refusal(
        denial.status,
        denial.type,
        message,
        reason=denial.reason or denial.code,
        code=denial.code or None,
        headers=headers,
        close=close,
    )
