"""The table for terminals and pipes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from made_up_facts import bucket, facts, key, today
from pulumi_groq.reports.usage.report import UsageFacts, usage_report
from pulumi_groq.reports.usage.text import usage_text
from work_time import work_time

MANY = 5_000
HOSTILE = [
    "[red]x[/red]",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "\x1b]8;;https://evil.example\x1b\\x",
    "\x9b31m",
    "\r",
]


def text_with(name: str, width: int | None = None) -> str:
    keys = [key(1).model_copy(update={"name": name, "team": name}), key(2)]
    return usage_text(usage_report(facts(keys=keys, buckets=[bucket(1), bucket(2)])), width)


def table(text: str) -> list[str]:
    return text.split("\n\n", 1)[1].splitlines()


@given(st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_foreign_names_do_not_steer_the_terminal(name: str) -> None:
    """No escape sequence and no line of their own: control characters are written out."""
    text = text_with(name)
    assert [each for each in text if not (each.isprintable() or each == "\n")] == []
    assert len(table(text)) == 6


def test_names_are_no_markup() -> None:
    """They stand there as they are."""
    assert "[red]x[/red]" in text_with("[red]x[/red]")


def test_what_nobody_sees_is_written_out() -> None:
    """A name of fillers alone looked empty."""
    assert r"\u034f\u115f\u3164\u2800" in text_with("\u034f\u115f\u3164\u2800")


@pytest.mark.parametrize(
    "name", ["plain", "wide 漢字かな", "combined e\N{COMBINING ACUTE ACCENT}", "ที่นี่", "हिन्दी"]
)
def test_columns_stand_below_each_other(name: str) -> None:
    """Whatever room the letters of a name take."""

    def width_before_requests(line: str) -> int:
        return cell_len(line[: line.rindex(" 1 ")] if " 1 " in line else line)

    rows = table(text_with(name))[2:4]
    assert len({width_before_requests(row) for row in rows}) == 1


def test_long_names_give_way_to_a_narrow_terminal() -> None:
    """Numbers never do, and a pipe gets the whole name."""
    name = "n" * 120
    narrow = table(text_with(name, width=130))
    assert max(map(len, narrow)) <= 130
    assert name in text_with(name)
    assert any("nnn…" in line and "1.00" in line for line in narrow)


def test_a_terminal_too_narrow_for_the_numbers_shows_them_all_the_same() -> None:
    """It wraps them itself."""
    assert "150" in text_with("n" * 50, width=20)


def test_five_thousand_keys_make_a_table_in_time() -> None:
    """Under two seconds of work; four times the keys is not sixteen times the work."""

    def of(count: int) -> UsageFacts:
        keys = [key(number, name=f"é {number}") for number in range(count)]
        return facts(keys=keys, buckets=[bucket(number) for number in range(count)])

    few, many = of(MANY // 4), of(MANY)
    took = work_time(lambda: usage_text(usage_report(many), 100), lambda: usage_text(usage_report(few), 100))
    assert took.much_s < 2.0
    assert took.times_little < 8


def many_columns() -> UsageFacts:
    """A row that has something to say in every column."""
    keys = [key(1, team="chatbot-production", monthly_budget_usd=5, requests_per_day=20, name="k" * 40)]
    return facts(keys=keys, buckets=[bucket(1, cost_usd="4.5"), bucket(2)], today=[today(1, requests=19)])


def test_what_is_empty_goes_first() -> None:
    """Where all does not fit, columns without any value are not shown, and not told."""
    text = text_with("x", 80)
    assert "Budget" not in text
    assert "Too narrow" not in text
    assert "Budget" in text_with("x")


def test_a_narrow_terminal_gets_no_row_that_is_too_wide() -> None:
    """What does not fit is left out from the right, and told below."""
    report = usage_report(many_columns())
    text = usage_text(report, 80)
    assert max(map(len, table(text))) <= 80
    assert "Too narrow to show: " in text
    assert "Too narrow" not in usage_text(report, 300)
