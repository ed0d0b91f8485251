"""Warnings of retired models, for whoever declares them; each engine shows them beside the resource."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache

from pulumi_groq.catalogue import Catalogue, Retirement

Warn = Callable[[str], object]


class RetirementWarnings:
    """Warns of each retired model once, however many teams and keys of the program list it."""

    def __init__(self, catalogue: Callable[[], Catalogue], today: Callable[[], date]) -> None:
        self._catalogue = cache(catalogue)
        self._today = today
        self._told: set[str] = set()

    def tell(self, models: Sequence[str], warn: Warn) -> None:
        """Call `warn` with one line for each retired model of `models` that nobody has been told of."""
        fresh = [model_id for model_id in models if model_id not in self._told]
        if not fresh:
            return
        self._told.update(fresh)
        catalogue = self._catalogue()
        for model in filter(None, map(catalogue.get, fresh)):
            if model.retirement is not None:
                warn(_line(catalogue, model.id, model.retirement, self._today()))


def _line(catalogue: Catalogue, model_id: str, retirement: Retirement, today: date) -> str:
    verb = "retired" if retirement.retired_on <= today else "retires"
    instead = " or ".join(catalogue.in_service(retirement.replacements))
    advice = f"; use {instead} instead" if instead else ""
    return f"Groq {verb} {model_id} on {retirement.retired_on}{retirement.for_whom}{advice}"
