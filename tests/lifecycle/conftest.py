"""A gateway for the tests of one module, and stacks with a key on it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from in_process_gateway import InProcessGateway, in_process_gateway
from rotation_story import Declared, Story


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture
def story(gateway: InProcessGateway) -> Any:
    def begin(before: list[tuple[Declared, timedelta]]) -> Story:
        story = Story(gateway)
        for declared, span in before:
            story.up(declared)
            gateway.advance(span)
        return story

    return begin
