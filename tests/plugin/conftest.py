"""A plugin above a gateway, both in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from in_process_gateway import InProcessGateway, in_process_gateway
from served_plugin import ServedPlugin, served_plugin


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    """A gateway with an empty store, on a clock that tests set."""
    with in_process_gateway(tmp_path) as gateway:
        yield gateway


@pytest.fixture
def plugin(gateway: InProcessGateway) -> Iterator[ServedPlugin]:
    """The plugin, configured to talk to `gateway`."""
    with served_plugin(gateway) as plugin:
        yield plugin
