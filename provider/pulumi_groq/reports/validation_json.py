"""A validation as JSON for programs."""

import json

from pulumi_groq.reports.checks import Validation


def validation_json(validation: Validation) -> str:
    """Every check, in order."""
    checks = [
        {
            "section": check.section,
            "subject": check.subject,
            "check": check.check,
            "outcome": check.outcome.value,
            "detail": check.detail,
            "what_to_do": check.todo,
        }
        for check in validation.checks
    ]
    document = {
        "declared": validation.declared,
        "live": validation.live,
        "holds": validation.holds,
        "summary": validation.summary(),
        "checks": checks,
    }
    return json.dumps(document, indent=2)
