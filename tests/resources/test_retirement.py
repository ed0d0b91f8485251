"""Warnings of models that Groq has retired."""

from datetime import date

import pytest

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.resources.retirement import retirement_lines

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue that ships with the package."""
    return Catalogue.load()


def test_retired_model_is_named_with_date_and_replacement(catalogue: Catalogue) -> None:
    """A retired model's line says since when, for whom and what to use instead."""
    assert retirement_lines(catalogue, ["llama-3.1-8b-instant"], TODAY) == [
        "Groq retired llama-3.1-8b-instant on 2026-08-16 for free and developer plans; "
        "use openai/gpt-oss-20b instead"
    ]


def test_coming_retirement_is_foretold(catalogue: Catalogue) -> None:
    """Before its date the line speaks of the future."""
    (line,) = retirement_lines(catalogue, ["llama-3.1-8b-instant"], date(2026, 1, 1))
    assert line.startswith("Groq retires llama-3.1-8b-instant on 2026-08-16")


def test_live_and_unheard_of_models_pass(catalogue: Catalogue) -> None:
    """Nothing is said of models in service, nor of those that the catalogue does not know."""
    assert retirement_lines(catalogue, ["openai/gpt-oss-20b", "acme/unheard-of"], TODAY) == []
