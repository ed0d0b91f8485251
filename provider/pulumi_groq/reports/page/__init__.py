"""The page: facts in, one self-contained HTML document out."""

from pulumi_groq.reports.page.document import CONTENT_POLICY, LIVE_CONTENT_POLICY, page, sign_in_page
from pulumi_groq.reports.page.facts import EVERYTHING, PageFacts, PageSource, Shown, page_facts

__all__ = [
    "CONTENT_POLICY",
    "EVERYTHING",
    "LIVE_CONTENT_POLICY",
    "PageFacts",
    "PageSource",
    "Shown",
    "page",
    "page_facts",
    "sign_in_page",
]
