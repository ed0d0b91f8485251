"""Warnings that the program shows at preview, beside the resource they are about."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pulumi

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.lifecycle.retirement import RetirementWarnings

_warnings = RetirementWarnings(Catalogue.load, lambda: datetime.now(UTC).date())


def warn_of_retired_models(
    resource: pulumi.Resource, allowed_models: pulumi.Input[Sequence[str]] | None
) -> None:
    """Warn beside `resource` of the retired models among `allowed_models`, as soon as they are known."""

    def tell(models: Sequence[str] | None) -> None:
        named = [model_id for model_id in models or () if isinstance(model_id, str)]
        _warnings.tell(named, lambda line: pulumi.log.warn(line, resource))

    if isinstance(allowed_models, list | tuple) and all(isinstance(each, str) for each in allowed_models):
        tell(allowed_models)
    else:
        pulumi.Output.from_input(allowed_models).apply(tell)
