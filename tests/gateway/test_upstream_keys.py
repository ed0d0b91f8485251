"""The operator's keys for the upstream: where they come from, and how they are rotated."""

from pathlib import Path

import pytest

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.settings import Settings
from pulumi_groq.gateway.upstream_keys import DEFAULT, KeySource, UpstreamKeys, parse_source

SECRET = "gsk_a-key-that-nobody-may-see"


def test_a_source_is_a_variable_or_a_file() -> None:
    """The variable's value is taken at once; a file is named."""
    assert parse_source("research=env:GROQ_RESEARCH", {"GROQ_RESEARCH": SECRET}) == KeySource(
        "research", SECRET
    )
    assert parse_source("a-1=file:/run/secrets/a", {}) == KeySource("a-1", file=Path("/run/secrets/a"))


@pytest.mark.parametrize(
    "text", ["research", "research=GROQ", "=env:A", "Research=env:A", "a b=env:A", "a=env:", f"a={SECRET}"]
)
def test_what_is_no_source_is_refused_without_its_text(text: str) -> None:
    """A value that was given in the place of its source is not repeated."""
    with pytest.raises(ConfigurationError, match="must be NAME=env:VARIABLE or NAME=file:PATH") as refused:
        parse_source(text, {"A": SECRET})
    assert SECRET not in str(refused.value)


def test_a_missing_variable_is_named() -> None:
    """One line says what to set."""
    with pytest.raises(ConfigurationError, match="--upstream-key research: GROQ_X is not set"):
        parse_source("research=env:GROQ_X", {})


@pytest.mark.parametrize("value", ["", "   ", "two keys", "käse", "line\nline", "x" * 5_000])
def test_an_unusable_key_is_refused_without_its_value(tmp_path: Path, value: str) -> None:
    """Of a file and of a variable alike."""
    file = tmp_path / "key"
    file.write_text(value)
    for source in (KeySource("research", value), KeySource("research", file=file)):
        with pytest.raises(ConfigurationError, match="--upstream-key research: ") as refused:
            UpstreamKeys([source])
        assert not value.strip() or value.strip() not in str(refused.value)


def test_a_name_is_given_once() -> None:
    """Which of two counts would be chance."""
    with pytest.raises(ConfigurationError, match="--upstream-key a is given twice"):
        UpstreamKeys([KeySource("a", SECRET), KeySource("a", SECRET)])


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """The other keys stay; a line end belongs to the file, not to the key."""
    file = tmp_path / "key"
    file.write_text("first\n")
    keys = UpstreamKeys([KeySource(DEFAULT, SECRET), KeySource("research", file=file)])
    file.write_text("second\n")
    assert keys.find("research") == "first"
    keys.reread()

    assert (keys.find("research"), keys.find(DEFAULT), keys.find("other")) == ("second", SECRET, None)
    assert keys.names == ("default", "research")


@pytest.mark.parametrize("content", ["", None])
def test_a_file_that_is_gone_or_empty_leaves_the_key(tmp_path: Path, content: str | None) -> None:
    """As during a rotation; it is told, and the files behind it are read all the same."""
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    broken.write_text("first")
    whole.write_text("first")
    keys = UpstreamKeys([KeySource("broken", file=broken), KeySource("whole", file=whole)])
    broken.unlink() if content is None else broken.write_text(content)
    whole.write_text("second")
    with pytest.raises(ConfigurationError, match="--upstream-key broken: "):
        keys.reread()

    assert (keys.find("broken"), keys.find("whole")) == ("first", "second")


def test_the_default_key_may_be_a_file(tmp_path: Path) -> None:
    """It stands for GROQ_API_KEY, which is not needed then."""
    file = tmp_path / "key"
    file.write_text(SECRET)
    settings = Settings(
        admin_key="admin-key-of-the-tests",
        upstream="https://api.groq.com",
        upstream_keys=(KeySource(DEFAULT, file=file),),
    )

    assert UpstreamKeys(settings.all_upstream_keys).find(DEFAULT) == SECRET
    assert SECRET not in repr(settings)
