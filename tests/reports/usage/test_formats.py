"""Markdown, CSV and JSON: golden files of a real gateway, and hostile names."""

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_facts import bucket, facts, key
from pulumi_groq.reports.usage.formats import usage_csv, usage_document, usage_markdown
from pulumi_groq.reports.usage.report import UsageFacts, UsageReport, usage_report
from pulumi_groq.reports.usage.source import usage_facts
from recorded_source import RecordedSource
from work_time import work_time

GOLDEN = Path(__file__).parent / "golden"
BY = ("key", "team", "model", "day")
MANY = 5_000
HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    " =1+1",
    "<script>alert(1)</script>",
    "| a | b |",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "@everyone #1",
    "`code`",
    "**bold** _it_ ~~x~~",
    "{{7*7}}",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe",
    "'; DROP TABLE keys; --",
    'a,b;"c"',
]
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40),
)


def recorded(by: Any) -> UsageReport:
    return usage_report(usage_facts(RecordedSource.read(GOLDEN / "facts.json"), by, None))


def with_name(name: str) -> UsageReport:
    # Copies are not validated: the reports do not rely on what the admin API lets pass.
    held = bucket(1).model_copy(update={"key_name": name, "team": name})
    return usage_report(facts(keys=[key(2).model_copy(update={"name": name, "team": name})], buckets=[held]))


@pytest.mark.parametrize("by", BY)
def test_markdown_is_as_recorded(by: str) -> None:
    """From the answers of a real gateway; record_usage.py writes both anew."""
    assert usage_markdown(recorded(by)) == (GOLDEN / f"by-{by}.md").read_text()


@pytest.mark.parametrize("by", BY)
def test_csv_is_as_recorded(by: str) -> None:
    """The same columns whatever the rows are."""
    assert usage_csv(recorded(by)) == (GOLDEN / f"by-{by}.csv").read_text()


@pytest.mark.parametrize("by", BY)
def test_json_is_as_recorded(by: str) -> None:
    """Amounts are numbers, times ISO 8601."""
    assert usage_document(recorded(by)) == json.loads((GOLDEN / f"by-{by}.json").read_text())


def test_every_grouping_sums_to_the_same_month() -> None:
    """Nothing is lost or counted twice."""
    totals = [recorded(by).total for by in BY]
    counted = {(each.requests, each.tokens, each.cost_micro_usd) for each in totals}
    assert len(counted) == 1
    assert {each.denied for each in totals} == {recorded("day").total.denied, None}


def test_the_recorded_sum_is_what_the_gateway_says() -> None:
    """The buckets agree with month-to-date of /usage, to the micro-dollar."""
    said = json.loads((GOLDEN / "facts.json").read_text())["usage"]["month_to_date"]
    total = recorded("model").total
    spent = int(Decimal(str(said["cost_usd"])) * 1_000_000)
    assert (total.requests, total.tokens, total.cost_micro_usd) == (said["requests"], said["tokens"], spent)


@given(names)
def test_csv_has_no_formulas(name: str) -> None:
    """No cell of a foreign name begins as a formula, and every row keeps its columns."""
    read = list(csv.DictReader(io.StringIO(usage_csv(with_name(name)))))
    assert len(read) == 2
    for row in read:
        assert None not in row
        assert [cell for cell in (row["name"], row["team"]) if re.match(r"\s*[=+\-@\t\r]", cell)] == []


@given(names)
def test_markdown_has_no_markup_of_others(name: str) -> None:
    """A name is code or entities: no cell, link, picture, mention or tag can come of it."""
    text = usage_markdown(with_name(name))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    outside = re.sub(r"<code>[^<>]*</code>|`[^`\n]*`", "", text)
    assert re.findall(r"<|\]\(|!\[|@\w|(?<!#)#\w", outside) == []


@given(names)
def test_json_keeps_names_as_they_are(name: str) -> None:
    """Programs get what the gateway holds."""
    document = json.loads(json.dumps(usage_document(with_name(name))))
    assert {row["name"] for row in document["rows"]} == {name}


def test_five_thousand_keys_take_no_time_to_speak_of() -> None:
    """All formats together in under two seconds; four times the keys is not sixteen times the work."""

    def write(held: UsageFacts) -> None:
        report = usage_report(held)
        for written in (usage_markdown, usage_csv, usage_document):
            written(report)

    few, many = of_keys(MANY // 4), of_keys(MANY)
    took = work_time(lambda: write(many), lambda: write(few))
    assert took.much_s < 2.0
    assert took.times_little < 8


def of_keys(count: int) -> UsageFacts:
    keys = [key(number, name=f"key {number}") for number in range(count)]
    return facts(keys=keys, buckets=[bucket(number, cost_usd=str(number % 97)) for number in range(count)])
