"""`pulumi preview --json`, read into models."""

from pydantic import Field, ValidationError

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.reports.engine_state import Lenient, ResourceState


class PreviewStep(Lenient):
    """What the run would do with one resource."""

    op: str
    urn: str
    old: ResourceState | None = Field(default=None, alias="oldState")
    new: ResourceState | None = Field(default=None, alias="newState")


class Diagnostic(Lenient):
    """A line that the program or a provider wrote during the preview."""

    urn: str = ""
    message: str = ""
    severity: str = ""


class Preview(Lenient):
    """A whole preview; `change_summary` counts resources by operation."""

    steps: list[PreviewStep] = Field(default_factory=list)
    diagnostics: list[Diagnostic] = Field(default_factory=list)
    change_summary: dict[str, int] | None = Field(default=None, alias="changeSummary")


def read_preview(text: str, source: str) -> Preview:
    """The preview in `text`; `source` is what errors call it.

    Raises ConfigurationError, in one line, for what `pulumi preview --json` does not write.
    """
    try:
        preview = Preview.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            why = "is not JSON"
        else:
            why = f"does not fit at {'.'.join(str(part) for part in first['loc'])}"
        raise ConfigurationError(f"{source} {why}: {_ADVICE}") from None
    if not preview.steps and not preview.diagnostics and preview.change_summary is None:
        raise ConfigurationError(f"{source} holds no preview: {_ADVICE}")
    return preview


_ADVICE = "give the output of `pulumi preview --json`"
