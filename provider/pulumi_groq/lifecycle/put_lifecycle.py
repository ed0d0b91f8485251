"""Taking over what exists already: objects that are written whole under a name that is known beforehand."""

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.models.ownership import Owned, Placed, place_of


def refuse_takeover(what: str, existing: Owned, declared: Placed) -> None:
    """Raise ConfigurationError if `existing` must not become what is `declared` without being asked.

    Another stack's never does. What this stack declares elsewhere (a rename) or nobody owns does when
    it is equal. What is declared at the very same place is this declaration's own, written by a run that
    was cut off or to be replaced.
    """
    if existing.managed_by not in (None, declared.managed_by):
        raise ConfigurationError(
            f"{what} belongs to another stack ({place_of(existing)}): set adopt_existing=True to take it over"
        )
    if existing.managed_by is not None and existing.declared_as == declared.declared_as:
        return
    names = (
        type(existing).model_fields.keys() & type(declared).model_fields.keys()
    ) - Placed.model_fields.keys()
    differing = ", ".join(
        sorted(name for name in names if getattr(existing, name) != getattr(declared, name))
    )
    if differing and existing.managed_by is not None:
        raise ConfigurationError(
            f"{what} is {place_of(existing)} already, and differs in {differing}: declare it once, or, "
            "to rename and change it in one run, set adopt_existing=True"
        )
    if differing:
        raise ConfigurationError(
            f"{what} exists already and differs in {differing}: no stack declares it; "
            "set adopt_existing=True to take it over"
        )
