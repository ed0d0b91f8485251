"""A validation as JSON for programs, as Markdown for an issue or a job summary, and as JUnit XML for CI."""

import json
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET

from pulumi_groq.reports.escaping import code, prose, visible
from pulumi_groq.reports.markdown import LONGEST_COMMENT, Document, row
from pulumi_groq.reports.validation.checks import Check, Outcome, Validation


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


_SIGNS: Final = {Outcome.OK: "✅", Outcome.MISMATCH: "❌", Outcome.SKIPPED: "⏭️"}
_FIRST: Final = (Outcome.MISMATCH, Outcome.SKIPPED, Outcome.OK)


def validation_markdown(validation: Validation, longest: int = LONGEST_COMMENT) -> str:
    """The report in at most `longest` characters, mismatches first; foreign text in it is escaped."""
    verdict = "holds" if validation.holds else "does not hold"
    document = Document(longest)
    document.add(f"## Groq access {verdict}", "")
    document.add(f"{prose(validation.declared)}, against {prose(validation.live)}.")
    document.add("", f"{validation.summary()}.")
    if validation.checks:
        document.add("", row("", "what", "check", "found", "what to do"), row(*["---"] * 5))
    ordered = sorted(validation.checks, key=lambda check: _FIRST.index(check.outcome))
    document.add_each(ordered, lambda check: [_row(check)], "checks")
    return document.text()


def _row(check: Check) -> str:
    return row(
        f"{_SIGNS[check.outcome]} {check.outcome.value}",
        f"{check.section}: {code(check.subject)}",
        check.check,
        prose(check.detail),
        prose(check.todo),
    )


def validation_junit(validation: Validation) -> str:
    """One suite for each section, one case for each check."""
    root = ET.Element("testsuites", name="pulumi-groq validate")
    by_section = sorted(validation.checks, key=lambda check: check.section)
    for section, group in groupby(by_section, key=lambda check: check.section):
        _suite(root, section, list(group))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _suite(root: ET.Element, section: str, checks: list[Check]) -> None:
    failures = sum(check.outcome is Outcome.MISMATCH for check in checks)
    skipped = sum(check.outcome is Outcome.SKIPPED for check in checks)
    counts = {"tests": str(len(checks)), "failures": str(failures), "errors": "0", "skipped": str(skipped)}
    suite = ET.SubElement(root, "testsuite", {"name": section, **counts})
    for check in checks:
        attributes = {"classname": f"{section}.{visible(check.subject)}", "name": check.check}
        case = ET.SubElement(suite, "testcase", attributes)
        detail = visible(check.detail, longest=2_000)
        if check.outcome is Outcome.MISMATCH:
            ET.SubElement(case, "failure", {"message": detail}).text = visible(check.todo)
        elif check.outcome is Outcome.SKIPPED:
            ET.SubElement(case, "skipped", {"message": detail})
        else:
            ET.SubElement(case, "system-out").text = detail
