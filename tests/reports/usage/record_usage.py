"""Records what a real gateway answers about five weeks of traffic, and the reports made of it.

Run by hand: `pytest tests/reports/usage/record_usage.py`, then look at the differences. It writes
golden/facts.json and the expected reports beside it.
"""

import json
from pathlib import Path

from played_history import played_gateway
from pulumi_groq.cli.progress import reading
from pulumi_groq.cli.source import ClientSource
from pulumi_groq.reports.page import page_facts
from pulumi_groq.reports.usage.formats import usage_csv, usage_document, usage_markdown
from pulumi_groq.reports.usage.report import By, usage_report
from pulumi_groq.reports.usage.source import usage_facts
from recorded_source import RecordedSource, RecordingSource

GOLDEN = Path(__file__).parent / "golden"
BY: tuple[By, ...] = ("key", "team", "model", "day")


def test_record(tmp_path: Path) -> None:
    """Writes the files."""
    gateway = played_gateway(tmp_path)
    try:
        with gateway.client() as client, reading() as progress:
            asked = RecordingSource(ClientSource(client, progress))
            for by in BY:
                usage_facts(asked, by, None)
            page_facts(asked)
    finally:
        gateway.stop()
    (GOLDEN / "facts.json").write_text(json.dumps(asked.recording, indent=1) + "\n")
    for by in BY:
        report = usage_report(usage_facts(RecordedSource(asked.recording), by, None))
        (GOLDEN / f"by-{by}.md").write_text(usage_markdown(report))
        (GOLDEN / f"by-{by}.csv").write_text(usage_csv(report))
        (GOLDEN / f"by-{by}.json").write_text(json.dumps(usage_document(report), indent=2) + "\n")
