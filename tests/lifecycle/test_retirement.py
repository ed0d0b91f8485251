"""Warnings of models that Groq has retired."""

from collections.abc import Callable
from datetime import date

import pytest

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.lifecycle.retirement import RetirementWarnings

Lines = Callable[..., list[str]]


@pytest.fixture
def lines() -> Lines:
    """What is told of lists of models, one after the other, on a given day."""

    def tell(*lists: list[str], today: date = date(2026, 11, 23)) -> list[str]:
        told: list[str] = []
        warnings = RetirementWarnings(Catalogue.load, lambda: today)
        for models in lists:
            warnings.tell(models, told.append)
        return told

    return tell


def test_retired_model_is_named_with_date_and_replacement(lines: Lines) -> None:
    """A retired model's line says since when, for whom and what to use instead."""
    assert lines(["llama-3.1-8b-instant"]) == [
        "Groq retired llama-3.1-8b-instant on 2026-08-16 for free and developer plans; "
        "use openai/gpt-oss-20b instead"
    ]


def test_retired_replacement_is_followed_to_one_in_service(lines: Lines) -> None:
    """A replacement that has been retired since gives way to its own replacement."""
    (line,) = lines(["llama-3.3-70b-versatile"])
    assert line.endswith("; use openai/gpt-oss-120b or qwen/qwen3.8-27b instead")


def test_each_model_is_told_of_once(lines: Lines) -> None:
    """A model that several teams and keys list gives one line."""
    told = lines(["llama-3.1-8b-instant"], ["gemma2-9b-it", "llama-3.1-8b-instant"], ["gemma2-9b-it"])
    assert [line.split()[2] for line in told] == ["llama-3.1-8b-instant", "gemma2-9b-it"]


def test_catalogue_is_read_once() -> None:
    """However many keys a program declares, the catalogue is read for the first of them alone."""
    read: list[Catalogue] = []
    told: list[str] = []

    def load() -> Catalogue:
        read.append(Catalogue.load())
        return read[-1]

    warnings = RetirementWarnings(load, lambda: date(2026, 11, 23))
    for models in (["llama-3.1-8b-instant"], ["gemma2-9b-it"], ["llama-3.1-8b-instant"]):
        warnings.tell(models, told.append)
    assert (len(read), len(told)) == (1, 2)


def test_coming_retirement_is_foretold(lines: Lines) -> None:
    """Before its date the line speaks of the future."""
    (line,) = lines(["llama-3.1-8b-instant"], today=date(2026, 1, 1))
    assert line.startswith("Groq retires llama-3.1-8b-instant on 2026-08-16")


def test_live_and_unheard_of_models_pass(lines: Lines) -> None:
    """Nothing is said of models in service, nor of those that the catalogue does not know."""
    assert lines(["openai/gpt-oss-20b", "acme/unheard-of"]) == []
