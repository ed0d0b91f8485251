"""What holds for every test."""

import pytest
from hypothesis import settings

# The machines are slow and noisy, so no example has a deadline; the same examples on every run, so
# that a failure is the change's and not the day's.
settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the gateway does."""
    return "asyncio"
