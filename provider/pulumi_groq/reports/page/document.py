"""The whole document: one file, no script unless it is served live, and a policy that allows nothing else."""

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from pulumi_groq.reports.page.budget_section import team_section
from pulumi_groq.reports.page.chart_sections import denial_section, key_section, model_section
from pulumi_groq.reports.page.facts import PageFacts
from pulumi_groq.reports.page.key_sections import changes_section, keys_section, rotation_section
from pulumi_groq.reports.page.markup import Child, Markup, element, fragment, own_text
from pulumi_groq.reports.page.spend_section import banner, spend_section, tiles
from pulumi_groq.reports.phrases import minute
from pulumi_groq.reports.usage.projection import METHOD
from pulumi_groq.reports.usage.report import UsageReport, usage_report

_STYLE: Final = files(__package__).joinpath("style.css").read_text("utf-8")
_REFRESH: Final = files(__package__).joinpath("refresh.js").read_text("utf-8")


_NOTE: Final = "Read only, for one hour. Any admin key opens it, and shows what its role may see."


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


CONTENT_POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; img-src data:; base-uri 'none'; form-action 'none'"
)
"""For the file: its own style sheet, an empty icon, and nothing else."""

LIVE_CONTENT_POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_REFRESH)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For the served page: also its own script, which asks for the same page again."""


def page(facts: PageFacts, *, live: bool, sign_out_path: str = "") -> str:
    """The page; `live` as the gateway serves it: with its script, and a button to sign out."""
    report = usage_report(facts.by_key)
    content = element("div", list(_sections(facts, report)), id="facts")
    as_of = element("p", f"{report.month}, as of {minute(report.as_of)} (the gateway's clock)", id="as-of")
    sign_out = (
        element("form", element("button", "Sign out"), method="post", action=sign_out_path) if live else None
    )
    top = element("header", element("h1", "Groq access"), as_of, sign_out, class_="top")
    below = element("footer", f"Projection: {METHOD}. Days are UTC.")
    return _document("Groq access", [top, element("main", content), below], live=live)


def _sections(facts: PageFacts, report: UsageReport) -> Iterator[Child]:
    shown = facts.shown
    if shown.spending:
        yield banner(report)
    if shown.usage:
        yield tiles(report, facts)
    if shown.usage and shown.spending:
        yield spend_section(facts, report)
    if shown.usage:
        yield element("div", model_section(facts), key_section(facts), class_="two")
        yield denial_section(facts)
        yield keys_section(report, facts.by_key.keys)
        yield team_section(report)
    if shown.keys:
        yield rotation_section(facts)
    if shown.changes:
        yield changes_section(facts.changes)


def sign_in_page(action: str, problem: str | None = None) -> str:
    """The form that asks for the admin key."""
    form = element(
        "form",
        element("label", "Admin key", for_="admin-key"),
        element(
            "input",
            id="admin-key",
            name="admin_key",
            type="password",
            required=True,
            autofocus=True,
            autocomplete="current-password",
            maxlength="1024",
        ),
        element("button", "Sign in", class_="main"),
        method="post",
        action=action,
    )
    said = element("p", problem, class_="problem", role="alert") if problem else None
    note = element(
        "p",
        "Read only, for one hour. Any admin key opens it, and shows what its role may see.",
        class_="quiet",
    )
    card = element("section", element("h1", "Groq access"), note, said, form, class_="sign-in")
    return _document("Sign in: Groq access", element("main", card), live=True, refreshes=False)


def _document(title: str, body: Child, *, live: bool, refreshes: bool = True) -> str:
    policy = None if live else element("meta", http_equiv="Content-Security-Policy", content=CONTENT_POLICY)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        policy,
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        element("style", own_text(_STYLE)),
    )
    script = element("script", own_text(_REFRESH)) if live and refreshes else None
    return "<!doctype html>\n" + _html(head, element("body", body, script)) + "\n"


def _html(*children: Child) -> Markup:
    return element("html", fragment(*children), lang="en")
