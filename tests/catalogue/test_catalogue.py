"""The shipped catalogue, and a user's price list laid over it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.errors import ConfigurationError

WritePriceList = Callable[[str], Path]


@pytest.fixture
def write_price_list(tmp_path: Path) -> WritePriceList:
    """Writes the models of a user's price list to a file."""

    def write(models: str) -> Path:
        path = tmp_path / "prices.toml"
        path.write_text(f"format = 1\nas_of = 2026-11-01\n{models}")
        return path

    return write


def test_models_are_sorted_by_id() -> None:
    """The catalogue lists its models by id."""
    ids = [model.id for model in Catalogue.load().models]

    assert sorted(ids) == ids


@pytest.mark.parametrize(
    ("model_id", "retired_on", "replacements", "audience"),
    [
        (
            "llama-3.3-70b-versatile",
            date(2026, 8, 16),
            ("openai/gpt-oss-120b", "qwen/qwen3.6-27b"),
            "free_and_developer",
        ),
        ("llama-3.1-8b-instant", date(2026, 8, 16), ("openai/gpt-oss-20b",), "free_and_developer"),
        ("qwen/qwen3.6-27b", date(2026, 9, 14), ("qwen/qwen3.8-27b",), "free_and_developer"),
        ("qwen/qwen3-32b", date(2026, 7, 17), ("openai/gpt-oss-120b",), "free_and_developer"),
        (
            "meta-llama/llama-4-scout-17b-16e-instruct",
            date(2026, 7, 17),
            ("openai/gpt-oss-120b",),
            "free_and_developer",
        ),
        ("mixtral-8x7b-32768", date(2025, 3, 20), ("mistral-saba-24b", "llama-3.3-70b-versatile"), "all"),
        ("gemma2-9b-it", date(2025, 10, 8), ("llama-3.1-8b-instant",), "all"),
    ],
)
def test_the_missions_models_are_known_as_retired(
    model_id: str, retired_on: date, replacements: tuple[str, ...], audience: str
) -> None:
    """Each model of the mission's examples carries its retirement, and stays priced."""
    catalogue = Catalogue.load()
    model = catalogue.get(model_id)

    assert model is not None
    assert model.retirement is not None
    assert (retired_on, replacements, audience) == (
        model.retirement.retired_on,
        model.retirement.replacements,
        model.retirement.audience,
    )
    assert catalogue.is_priced(model_id)


def test_every_replacement_is_known() -> None:
    """A retirement never points to a model that the catalogue does not hold."""
    catalogue = Catalogue.load()
    named = {name for model in catalogue.models if model.retirement for name in model.retirement.replacements}

    assert {name for name in named if catalogue.get(name) is None} == set()


def test_a_live_model_has_no_retirement() -> None:
    """A model that Groq serves to everybody is not retired."""
    model = Catalogue.load().get("openai/gpt-oss-20b")

    assert model is not None
    assert model.retirement is None


@pytest.mark.parametrize("model_id", ["allam-2-7b", "groq/compound", "no-such-model"])
def test_a_model_without_a_published_price_is_not_priced(model_id: str) -> None:
    """Unknown models and models without a price are told apart from free ones."""
    assert not Catalogue.load().is_priced(model_id)


@pytest.mark.parametrize(
    "model_id", ["minimaxai/minimax-m2.5", "minimaxai/minimax-m2.7", "qwen/qwen3-vl-32b-instruct"]
)
def test_enterprise_models_are_known_without_a_price(model_id: str) -> None:
    """A model whose price Groq names on request is known, so that only its price is missing."""
    catalogue = Catalogue.load()
    model = catalogue.get(model_id)
    assert model is not None
    assert (model.kind, model.prices, model.retirement) == ("chat", None, None)


def test_an_own_list_prices_an_unpriced_model(write_price_list: WritePriceList) -> None:
    """A user's price makes a shipped model usable and keeps its sizes."""
    path = write_price_list(
        '[models."allam-2-7b"]\nprices = { priced_on = 2026-11-01, input = 1, output = 2.5 }'
    )
    model = Catalogue.load(path).get("allam-2-7b")

    assert model is not None
    assert model.context_window == 4096
    assert model.cost_micro_usd(prompt_tokens=10, completion_tokens=10) == 35


def test_an_own_prices_table_replaces_the_shipped_one(write_price_list: WritePriceList) -> None:
    """No shipped price survives beside a user's own, so a discount is never inherited by mistake."""
    path = write_price_list(
        '[models."openai/gpt-oss-20b"]\nprices = { priced_on = 2026-11-01, input = 3, output = 3 }'
    )
    model = Catalogue.load(path).get("openai/gpt-oss-20b")

    assert model is not None
    assert model.cost_micro_usd(prompt_tokens=100, cached_tokens=100) == 300


def test_an_own_list_adds_a_model(write_price_list: WritePriceList) -> None:
    """A model that is not shipped can be added with its kind and price."""
    path = write_price_list(
        '[models."my/embed"]\nkind = "embedding"\nprices = { priced_on = 2026-11-01, input = 1 }'
    )
    model = Catalogue.load(path).get("my/embed")

    assert model is not None
    assert model.kind == "embedding"


@pytest.mark.parametrize(
    ("models", "fault"),
    [
        ('[models."my/model"]', 'models."my/model": add kind'),
        ('[models."a.b"]\nprices = { priced_on = 2026-11-01, input = -1 }', 'models."a.b".prices.input: '),
        ("[models.a]\nprices = { priced_on = 2026-11-01, input = nan }", "models.a.prices.input: "),
        ('[models.a]\nprices = { priced_on = 2026-11-01, input = "1" }', "models.a.prices.input: "),
        ("[models.a]\nprices = { priced_on = 2026-11-01, input = true }", "models.a.prices.input: "),
        ("[models.a]\nprices = { priced_on = 2026-11-01, input = 0.0000001 }", "models.a.prices.input: "),
        ("[models.a]\nprices = { priced_on = 2026-11-01, input = inf }", "models.a.prices.input: "),
        ("[models.a]\nprices = { priced_on = 2026-11-01, input = 1e400 }", "models.a.prices.input: "),
        (
            "[models.a]\nprices = { priced_on = 2026-11-01, input = 1e99999999999999999999 }",
            "the price list has a number with too large an exponent",
        ),
        (
            f"[models.a]\nprices = {{ priced_on = 2026-11-01, input = {'9' * 5000} }}",
            "the price list is not TOML: ",
        ),
        (f"x = {'[' * 100_000}", "the price list is not TOML: "),
        (
            "[models.a]\nprices = { priced_on = 2026-11-01, input = 1, output = 1, cached_input = 2 }",
            "models.a.prices: ",
        ),
        (
            '[models.a]\nkind = "chat"\nprices = { priced_on = 2026-11-01, input = 1 }',
            'models."a".prices: add output',
        ),
        (
            '[models.a]\nkind = "speech"\nprices = { priced_on = 2026-11-01, input = 1 }',
            'models."a".prices: add characters',
        ),
        (
            '[models."whisper-large-v3"]\nprices = { priced_on = 2026-11-01, input = 1 }',
            'models."whisper-large-v3".prices: add audio_hour',
        ),
        ("[models.a]\nprices = { priced_on = 2026-11-01 }", "models.a.prices: "),
        ("[models.a]\nprices = { input = 1 }", "models.a.prices.priced_on: "),
        ("[models.a]\ncontext = 5", "models.a.context: "),
        ('[models."bad id"]', "models.bad id."),
        ("[models.a]\nretired = { on = 2026-01-01, for = 'some' }", "models.a.retired.for: "),
        ("[models.a", "the price list is not TOML: "),
    ],
)
def test_a_faulty_list_is_one_line_with_file_and_entry(
    write_price_list: WritePriceList, models: str, fault: str
) -> None:
    """What is wrong with a price list is said in one line that names the file and the entry."""
    path = write_price_list(models)

    with pytest.raises(ConfigurationError) as caught:
        Catalogue.load(path)

    message = str(caught.value)
    assert message.startswith(f"{path}: {fault}")
    assert "\n" not in message


def test_a_missing_list_says_so(tmp_path: Path) -> None:
    """A path without a file is one clear line."""
    path = tmp_path / "none.toml"

    with pytest.raises(ConfigurationError) as caught:
        Catalogue.load(path)

    assert str(caught.value) == f"{path}: the price list cannot be read: No such file or directory"


TOOL = """
[tools.browser_search]
priced_on = 2026-11-25
source = "an invoice"
usd_per_call = 0.005
max_uses = 3
"""


def test_a_tool_has_the_operators_price_and_none_by_default(write_price_list: WritePriceList) -> None:
    """With its day and source; the shipped list names no price of a tool."""
    assert Catalogue.load().tool("browser_search") is None
    price = Catalogue.load(write_price_list(TOOL)).tool("browser_search")
    assert price is not None
    assert (price.micro_usd_per_call, price.max_uses, price.source) == (5_000, 3, "an invoice")


@pytest.mark.parametrize(
    "changed",
    [
        TOOL.replace("source", "# source"),
        TOOL.replace("priced_on", "# priced_on"),
        TOOL.replace("max_uses = 3", "max_uses = 0"),
        TOOL.replace("0.005", "-1"),
        TOOL.replace("browser_search", "image_urls"),
        TOOL.replace("browser_search", '"mcp:*"'),
    ],
)
def test_a_tools_price_is_whole_or_refused(write_price_list: WritePriceList, changed: str) -> None:
    """An amount without its day, source or bound is none."""
    with pytest.raises(ConfigurationError):
        Catalogue.load(write_price_list(changed))
