"""Warnings that the program shows at preview, beside the resource they are about."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pulumi

from pulumi_groq.catalogue import Catalogue, CatalogueModel


def warn_of_retired_models(resource: pulumi.Resource, allowed_models: pulumi.Input[Sequence[str]]) -> None:
    """Warn of the retired models among `allowed_models`, in one line, as soon as they are known."""

    def warn(models: Sequence[str]) -> None:
        lines = retirement_lines(Catalogue.load(), models, datetime.now(UTC).date())
        if lines:
            pulumi.log.warn("; ".join(lines), resource)

    pulumi.Output.from_input(allowed_models).apply(warn)


def retirement_lines(catalogue: Catalogue, models: Sequence[str], today: date) -> list[str]:
    """One line for each of `models` that Groq has retired or is about to, with date and replacements."""
    known = (catalogue.get(model_id) for model_id in models if isinstance(model_id, str))
    return [_line(model, today) for model in known if model is not None and model.retirement is not None]


def _line(model: CatalogueModel, today: date) -> str:
    retirement = model.retirement
    if retirement is None:
        raise ValueError(f"{model.id} is not retired")
    verb = "retired" if retirement.retired_on <= today else "retires"
    whom = " for free and developer plans" if retirement.audience == "free_and_developer" else ""
    instead = f"; use {' or '.join(retirement.replacements)} instead" if retirement.replacements else ""
    return f"Groq {verb} {model.id} on {retirement.retired_on}{whom}{instead}"
