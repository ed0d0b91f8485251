"""Objects that are written whole under a name that is known beforehand: teams, the spending policy."""

from pydantic import BaseModel

from pulumi_groq.errors import ConfigurationError


def refuse_takeover(what: str, existing: BaseModel, declared: BaseModel, adopt_existing: bool) -> None:
    """Raise ConfigurationError if `existing` differs from `declared` and nobody asked to take it over.

    An equal one passes: it may be this declaration's own, written by a run that was cut off.
    """
    names = type(existing).model_fields.keys() & type(declared).model_fields.keys()
    differing = sorted(name for name in names if getattr(existing, name) != getattr(declared, name))
    if differing and not adopt_existing:
        raise ConfigurationError(
            f"{what} exists already and differs in {', '.join(differing)}: it may belong to another stack; "
            "set adopt_existing=True to take it over"
        )
