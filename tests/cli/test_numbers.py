"""Options that take a number take none that nothing can be calculated with."""

from collections.abc import Iterator

import click
import pytest

from pulumi_groq.cli.main import commands


def numbers(command: click.Command) -> Iterator[click.Option]:
    """Every option below `command` that takes a fraction."""
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        yield from numbers(each)
    for option in command.params:
        if isinstance(option, click.Option) and isinstance(option.type, click.types.FloatParamType):
            yield option


@pytest.mark.parametrize("written", ["nan", "-nan", "inf", "1e400"])
@pytest.mark.parametrize("option", list(numbers(commands)), ids=lambda option: option.name)
def test_nan_and_infinity_are_refused(option: click.Option, written: str) -> None:
    """NaN is below no bound and above none, so that it passes each."""
    with pytest.raises(click.BadParameter):
        option.type.convert(written, option, None)


def test_there_are_such_options() -> None:
    """An amount, a cap, a factor and a time."""
    assert {option.name for option in numbers(commands)} >= {"cost_usd", "monthly_cap_usd", "raise_factor"}
