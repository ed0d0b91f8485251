"""One line of a validation, and a whole one."""

from collections import Counter
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How a check ended."""

    OK = "ok"
    MISMATCH = "mismatch"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared with the gateway. Texts are plain and may hold foreign names.

    `section` is `keys`, `teams`, `spending policy`, `admin keys`, `workload identities` or `access`; `todo`
    is empty if there is nothing to do.
    """

    section: str
    subject: str
    check: str
    outcome: Outcome
    detail: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Validation:
    """All checks of one run; `declared` says what was compared with `live`, both in words."""

    declared: str
    live: str
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differs from what is declared."""
        return not any(check.outcome is Outcome.MISMATCH for check in self.checks)

    def summary(self) -> str:
        """`12 checks: 10 ok, 1 mismatch, 1 skipped`."""
        counts = Counter(check.outcome for check in self.checks)
        parts = ", ".join(f"{counts[outcome]:,} {outcome.value}" for outcome in Outcome)
        return f"{len(self.checks):,} checks: {parts}"
