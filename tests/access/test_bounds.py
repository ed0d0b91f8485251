"""Limits and budgets of teams, windows and models in an access file; each problem with its line."""

from collections.abc import Callable

import pytest

from pulumi_groq.access import read_access

FILE = """\
teams:
  chat:
    allowed_models: [a, b]
    requests_per_minute: 100
    monthly_budget_usd: 50
    budgets: [{usd: 5, per: day}, {usd: 1, per: hour}]
    keys:
      bot:
        %s: %s
"""


def test_a_file_declares_limits_of_teams_windows_and_models() -> None:
    """Budgets come in the order of their windows, whatever theirs is in the file."""
    access = read_access((FILE % ("model_limits", "{a: {requests_per_minute: 100}}")).encode(), "access.yaml")
    (team,), (key,) = access.teams, access.keys
    assert [(budget.per, int(budget.usd)) for budget in team.budgets] == [("hour", 1), ("day", 5)]
    assert key.model_limits["a"].requests_per_minute == 100


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("requests_per_minute", "101", "requests_per_minute: must be at most 100, what the team has"),
        ("requests_per_minute", "unlimited", "requests_per_minute: must be at most 100, what the team has"),
        ("monthly_budget_usd", "51", "monthly_budget_usd: must be at most 50 per month, what the team has"),
        ("budgets", "[{usd: 1.5, per: hour}]", "budgets: must be at most 1 per hour, what the team has"),
        ("model_limits", "{b: {budget_usd: 51}}", "model_limits.b.budget_usd: must be at most 50 per month"),
        ("model_limits", "{c: {budget_usd: 1}}", "model_limits: must be for models of allowed_models; c is"),
        ("model_limits", "{a: {}}", "model_limits: must say what holds a: give it a limit, or leave it out"),
        ("model_limits", "{a: {rpm: 1}}", "model_limits.a.rpm: is not a known field"),
        ("budgets", "[{usd: 1, per: day}, {usd: 1, per: day}]", "budgets: must not have two budgets per day"),
        ("budgets", "[{usd: 1, per: year}]", "budgets.0.per: must be 'hour', 'day', 'week' or 'month'"),
        ("budgets", "[{per: day}]", "budgets.0.usd: is missing"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(
    problems: Callable[[str], list[str]], field: str, value: str, told: str
) -> None:
    """A key's own fits in its team's, a model's in both."""
    (line,) = problems(FILE % (field, value))
    assert line.startswith(f"9: teams.chat.keys.bot.{told}")
