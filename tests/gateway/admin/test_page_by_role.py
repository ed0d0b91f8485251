"""The page shows what the role of whoever is signed in may see."""

import pytest

from admin_plane import ROLES, Api
from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.admin.handlers import Handlers
from pulumi_groq.gateway.ui.source import GatewaySource
from pulumi_groq.reports.page import page, page_facts

PARTS = ("Spend against the cap", "Keys this month", "Rotation", "Last changes")


def shown(handlers: Handlers, token: str) -> str:
    identity = ROLES.identify(token.encode())
    assert identity is not None
    source = GatewaySource(handlers, Caller(identity, ""))
    return page(page_facts(source), live=True)


@pytest.mark.parametrize(
    ("token", "parts"),
    [
        ("owner", PARTS),
        ("viewer", PARTS),
        ("billing", PARTS[:2]),
        ("viewer:ops", PARTS[1:3]),
        ("team-admin:ops", PARTS[1:3]),
        ("auditor", PARTS[3:]),
    ],
)
def test_a_role_sees_its_parts(api: Api, token: str, parts: tuple[str, ...]) -> None:
    """And no part that would say that there is nothing."""
    html = shown(api.handlers, token)
    assert tuple(part for part in PARTS if f">{part}<" in html) == parts


@pytest.mark.parametrize(("token", "said"), [("owner", True), ("viewer:ops", False), ("billing", False)])
def test_a_figure_that_a_role_may_not_see_is_left_out(api: Api, token: str, said: bool) -> None:
    """It would be 0 keys, or no cap: there are some."""
    api.created()
    html = shown(api.handlers, token)
    assert ("no cap is set" in html and "Live keys" in html) == said
    assert ("Live keys" in html) == (token != "billing")


def test_other_teams_are_not_on_the_page(api: Api) -> None:
    """Neither their keys nor their spending."""
    for team in ("ops", "research"):
        api.call("PUT", f"/teams/{team}", json={"allowed_models": ["llama-3.1-8b-instant"]})
        api.created(name=f"of-{team}", team=team)
    html = shown(api.handlers, "viewer:ops")
    assert ("of-ops" in html, "of-research" in html) == (True, False)
