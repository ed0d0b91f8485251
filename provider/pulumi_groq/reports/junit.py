"""A validation as JUnit XML, which CI systems show as test results."""

from itertools import groupby
from xml.etree import ElementTree as ET

from pulumi_groq.reports.checks import Check, Outcome, Validation
from pulumi_groq.reports.inert import visible


def validation_junit(validation: Validation) -> str:
    """One suite a section, one case a check."""
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
