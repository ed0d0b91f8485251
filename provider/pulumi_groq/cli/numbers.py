"""Numbers that are given as options."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A number within bounds: NaN is none, though it is not outside any, and infinity is none either."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number to calculate with", param, ctx)
        return number
