"""Whether the guard against runaway spend holds a key or a workload identity."""

from collections.abc import Iterator

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.phrases import dollars, in_words, minute
from pulumi_groq.reports.validation.checks import Check, Outcome


def guard_checks(section: str, subject: str, guarded: ApiKey | WorkloadIdentity) -> Iterator[Check]:
    """That it is not paused; nothing of one that never had a guard."""
    if guarded.paused is not None:
        detail = (
            f"paused since {minute(guarded.paused.since)}: {dollars(guarded.paused.spent_usd)} in 10 "
            f"minutes, where {dollars(guarded.paused.allowed_usd)} are allowed"
        )
        todo = f"find out what spent it, then: pulumi-groq keys resume {guarded.id}"
        yield Check(section, subject, "runaway guard", Outcome.MISMATCH, detail, todo)
    elif guarded.runaway is not None:
        yield Check(section, subject, "runaway guard", Outcome.OK, in_words("runaway", guarded.runaway))
