"""Numbers to places on a chart."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps 0 to `top` onto `height` units from the bottom up; `ticks` are round numbers within it."""

    top: float
    ticks: tuple[float, ...]

    def part(self, value: float) -> float:
        """From 0 at the bottom to 1 at the top."""
        return value / self.top


def scale_for(largest: float, most_ticks: int = 4, least_step: float = 0.0) -> Scale:
    """A scale from 0 to a round number at or above `largest`, in steps of at least `least_step`."""
    if largest <= 0 or not math.isfinite(largest):
        return Scale(1.0, (0.0, 1.0))
    rough = max(largest / most_ticks, least_step)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * 0.9999)
    count = math.ceil(largest / step - 1e-9)
    return Scale(step * count, tuple(step * number for number in range(count + 1)))


def short_number(value: float) -> str:
    """`0`, `0.25`, `950`, `1.2k`, `3M`: as short as an axis needs it."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"
