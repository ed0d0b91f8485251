"""What keys and teams may be given to do beyond a request's body."""

import hashlib
from typing import Any

import pytest

from admin_plane import Api, error_of

MODEL = "llama-3.1-8b-instant"
TEAM = {"allowed_models": [MODEL]}


@pytest.mark.parametrize(
    ("tools", "code", "param"),
    [
        (["image_urls", "browser_search"], "tool_not_priced", "allowed_tools.1"),
        (["Browser"], None, "allowed_tools.0"),
        (["mcp:"], None, "allowed_tools.0"),
        (["mcp:*.example.com"], None, "allowed_tools.0"),
        (["mcp:https://a.example"], None, "allowed_tools.0"),
        (["mcp:A.example"], None, "allowed_tools.0"),
        (["mcp:a.example."], None, "allowed_tools.0"),
        (["mcp:127.0.0.1"], None, "allowed_tools.0"),
        (["mcp:localhost"], None, "allowed_tools.0"),
        (["image_urls", "image_urls"], None, "allowed_tools"),
        ("image_urls", None, "allowed_tools"),
    ],
)
def test_what_cannot_be_allowed(api: Api, tools: Any, code: str | None, param: str) -> None:
    """A key and a team, new or there already: no tool without a price, and one plain host at a time."""
    key = api.created(allowed_models=[MODEL])
    answers = (
        api.create(allowed_models=[MODEL], allowed_tools=tools),
        api.call("PATCH", f"/api-keys/{key['id']}", json={"allowed_tools": tools}),
        api.call("PUT", "/teams/t", json=TEAM | {"allowed_tools": tools}),
    )
    assert [error_of(answer) for answer in answers] == [(400, code, param)] * 3


def test_a_key_has_what_it_and_its_team_allow(api: Api) -> None:
    """From the next request on, as with models."""
    api.call("PUT", "/teams/t", json=TEAM | {"allowed_tools": ["image_urls", "mcp:a.example"]})
    tools = ["image_urls", "file_urls"]
    key = api.created(allowed_models=[MODEL], allowed_tools=tools, team="t")
    assert key["allowed_tools"] == tools
    digest = hashlib.sha256(key["api_key"].encode()).digest()

    def in_force() -> frozenset[str]:
        found = api.directory.find(digest)
        assert found is not None
        return found.tools

    assert in_force() == {"image_urls"}
    api.call("PUT", "/teams/t", json=TEAM | {"allowed_tools": ["file_urls"]})
    assert in_force() == {"file_urls"}
    api.call("PATCH", f"/api-keys/{key['id']}", json={"allowed_tools": None})
    assert in_force() == frozenset()
