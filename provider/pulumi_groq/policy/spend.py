"""What a request takes from its lineage's budget and from the organisation's cap, by UTC calendar month."""

from datetime import datetime

from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.limits import Charge
from pulumi_groq.policy.metering import Demand


def month_of(now: datetime) -> str:
    """The UTC month of `now` (aware, UTC) as `YYYY-MM`."""
    return f"{now.year:04d}-{now.month:02d}"


def day_of(now: datetime) -> str:
    """The UTC day of `now` (aware, UTC) as `YYYY-MM-DD`."""
    return f"{now.year:04d}-{now.month:02d}-{now.day:02d}"


def next_month(month: str) -> str:
    """The first day (`YYYY-MM-DD`) of the month after `month` (`YYYY-MM`)."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04d}-01-01" if number == 12 else f"{year:04d}-{number + 1:02d}-01"


def last_month(month: str) -> str:
    """The month (`YYYY-MM`) before `month`."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04d}-12" if number == 1 else f"{year:04d}-{number - 1:02d}"


def month_cells(month: str) -> str:
    """How the names of all spend counters of `month` begin."""
    return f"spend:{month}:"


def organisation_cell(month: str) -> str:
    """The counter of the organisation's spend in `month`."""
    return f"spend:{month}:organisation"


def lineage_cell(month: str, lineage_id: str) -> str:
    """The counter of a lineage's spend in `month`: one for all generations of a key."""
    return f"spend:{month}:{lineage_id}"


def spend_charges(
    key: KeyAccess, demand: Demand, organisation: OrganisationPolicy | None, month: str
) -> list[Charge]:
    """The charges on cap and budget, in the order in which they refuse.

    Both always count, so that a cap or budget that is set in mid-month knows what was spent. Without
    auto-pause the cap refuses nothing.
    """
    cap = organisation.cap_micro_usd if organisation is not None and organisation.auto_pause else None
    cost = demand.cost_micro_usd
    return [
        Charge("cap", organisation_cell(month), "micro_usd", cost, cap, None),
        Charge(
            "budget",
            lineage_cell(month, key.lineage_id),
            "micro_usd",
            cost,
            key.monthly_budget_micro_usd,
            None,
        ),
    ]
