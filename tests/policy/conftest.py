"""Keys, demands and organisations as the tables of this folder need them."""

import pytest

from key_factory import MakeKey
from pulumi_groq.policy.access import KeyAccess, Limits


@pytest.fixture
def make_key() -> MakeKey:
    """A key with the given limits and budget."""

    def make(budget_micro_usd: int | None = None, **limits: int) -> KeyAccess:
        return KeyAccess(
            key_id="key_01a",
            name="chatbot",
            lineage_id="key_01first",
            team=None,
            models=frozenset({"openai/gpt-oss-20b"}),
            limits=Limits(**limits),
            monthly_budget_micro_usd=budget_micro_usd,
            expires_at=None,
            disabled=False,
        )

    return make
