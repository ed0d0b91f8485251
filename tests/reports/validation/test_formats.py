"""Validations in every format, with hostile names in them."""

import json
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pulumi_groq.reports.validation.checks import Check, Outcome, Validation
from pulumi_groq.reports.validation.formats import validation_json, validation_junit, validation_markdown


def validation(*outcomes: Outcome, name: str = "chatbot-prod", detail: str = "all equal") -> Validation:
    checks = (Check("keys", name, "exists", outcome, detail, detail) for outcome in outcomes)
    return Validation(f"stack {name}", "http://127.0.0.1:8700", tuple(checks))


EVERY = (Outcome.OK, Outcome.SKIPPED, Outcome.MISMATCH)


@pytest.mark.parametrize(
    ("outcomes", "holds"),
    [((), True), ((Outcome.OK, Outcome.SKIPPED), True), ((Outcome.OK, Outcome.MISMATCH), False)],
)
def test_one_mismatch_decides(outcomes: tuple[Outcome, ...], holds: bool) -> None:
    """What was skipped proves nothing and refutes nothing."""
    assert validation(*outcomes).holds is holds


def test_summary_counts_outcomes() -> None:
    """The summary is one line that adds up."""
    assert validation(*EVERY, Outcome.OK).summary() == "4 checks: 2 ok, 1 mismatch, 1 skipped"


def test_markdown_shows_mismatches_first() -> None:
    """A reader sees what differs before what holds."""
    lines = validation_markdown(validation(*EVERY)).splitlines()
    assert lines[0] == "## Groq access does not hold"
    signs = [line.split()[2] for line in lines if line.startswith("| ") and "keys:" in line]
    assert signs == ["mismatch", "skipped", "ok"]


def test_json_holds_every_check() -> None:
    """Programs get each check, and the verdict."""
    document = json.loads(validation_json(validation(*EVERY)))
    assert document["holds"] is False
    assert [check["outcome"] for check in document["checks"]] == ["ok", "skipped", "mismatch"]


def test_junit_counts_what_it_holds() -> None:
    """A suite's counts are those of its cases."""
    (suite,) = ET.fromstring(validation_junit(validation(*EVERY)))  # noqa: S314 (our own output)
    assert suite.attrib == {"name": "keys", "tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    kinds = ("failure", "skipped", "system-out")
    assert [len(suite.findall(f"testcase/{kind}")) for kind in kinds] == [1, 1, 1]


@settings(deadline=None, max_examples=60)
@given(name=st.text(min_size=1, max_size=60))
@example(name="<b>`|\\|]]>&amp;\x00\x1b[31m\n# x\ufffe\u202e")
@example(name="@everyone [x](http://y) www.evil.example")
def test_names_are_inert(name: str) -> None:
    """Whatever a name holds, XML and JSON can be read, and Markdown keeps its elements."""
    made = validation(*EVERY, name=name, detail=name)
    assert len(ET.fromstring(validation_junit(made)).findall("testsuite/testcase")) == 3  # noqa: S314 (as above)
    assert json.loads(validation_json(made))["checks"][0]["subject"] == name
    text = validation_markdown(made)
    assert elements(text) == elements(validation_markdown(validation(*EVERY)))
    assert all(each.isprintable() or each in "\n\u2060" for each in text)
    assert "@" not in text


def elements(markdown: str) -> list[str]:
    parsed = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    inline = {"text", "text_special", "code_inline"}
    return [block.type for block in parsed] + [
        child.type
        for block in parsed
        for child in block.children or ()
        if child.type not in inline and child.content not in {"<code>", "</code>"}
    ]


def test_large_validations_fit_into_a_comment() -> None:
    """Of 5,000 keys Markdown shows what fits and counts the rest; JUnit has them all."""
    made = validation(*[Outcome.OK] * 5_000)
    assert len(validation_markdown(made)) <= 60_000
    assert "more checks: see `--output json`" in validation_markdown(made)
    assert validation_junit(made).count("<testcase") == 5_000
