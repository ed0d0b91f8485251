"""The `budgets` and `model_limits` arguments of the resources, typed."""

from typing import TypedDict


class BudgetArgs(TypedDict):
    """The most that may be spent in each UTC hour, day, week from Monday, or calendar month.

    :param usd: US dollars: above 0, up to 1,000,000,000, with at most 6 decimal places.
    :param per: The window in UTC: `hour`, `day`, `week` (from Monday) or `month`.
    """

    usd: float
    per: str


class ModelLimitsArgs(TypedDict, total=False):
    """What a key may use of one model, within all its other limits.

    :param requests_per_minute: Requests a minute to this model: 1 to 1,000,000,000, or `"unlimited"`;
        none unless set.
    :param tokens_per_minute: Tokens a minute of this model: 1 to 1,000,000,000, or `"unlimited"`; none
        unless set.
    :param requests_per_day: Requests a day to this model: 1 to 1,000,000,000, or `"unlimited"`; none
        unless set.
    :param tokens_per_day: Tokens a day of this model: 1 to 1,000,000,000, or `"unlimited"`; none unless
        set.
    :param budget_usd: US dollars that the key may spend on this model in a calendar month (UTC): above
        0, up to 1,000,000,000, with at most 6 decimal places.
    """

    requests_per_minute: int | str
    tokens_per_minute: int | str
    requests_per_day: int | str
    tokens_per_day: int | str
    budget_usd: float
