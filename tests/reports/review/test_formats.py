"""Reviews in every format: golden Markdown of real previews, hostile names, sizes, shapes."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pulumi_groq.access import Access, DeclaredKey
from pulumi_groq.reports.review.comment import MARKER, review_markdown
from pulumi_groq.reports.review.formats import findings_annotations, findings_sarif, review_json
from pulumi_groq.reports.review.report import Review, review
from report_facts import (
    CATALOGUE,
    GOLDEN,
    NOON,
    RECORDED,
    key_step,
    live,
    live_key,
    preview,
    recorded_live,
    recorded_preview,
    recorded_review,
    step,
    taker,
)

HOSTILE = [
    "<script>alert(1)</script>",
    "</code><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "@everyone #1 org/repo#2 https://evil.example www.evil.example a@evil.example",
    "`code` ``| cell | \\| \\",
    "**bold** _it_ ~~x~~ $x$ :smile:",
    "\n\n## Heading\n\n- list\n1. one\n> quote\n---\n```\nfence",
    "$(rm -rf /) `id` ; && ' \" %0A",
    "\x1b[31mred\x1b[0m\r\x07\x00\u202e\u2028",
    "::error file=x::y %0D%0A::stop-commands::z",
    "{0} [a](1) {{x}}",
    "]]> <!-- --> &lt; &#60; &amp;",
    "   ",
    "x" * 5000,
]


def reviewed(name: str) -> Review:
    """A review in which `name` stands wherever a name or text of others can stand."""
    old = {"name": name, "team": name, "allowed_models": [name], "metadata": {name: name}}
    new = {**old, "allowed_models": ["openai/gpt-oss-20b", name + "2"], "rotation_due": f"rotate: {name}"}
    key = DeclaredKey.model_construct(name=name, team="t", allowed_models=[], reason=name, line=7)
    return review(
        preview(
            key_step("update", old, new),
            step("create", "GroqTeam", name, new={"team_name": name, "allowed_models": [name]}),
            step("delete", "GroqSpendPolicy", name, old={"monthly_cap_usd": 5}),
            taker(name),
            diagnostics=[{"urn": f"a::b::c::{name}", "message": name, "severity": "error"}],
        ),
        catalogue=CATALOGUE,
        live=live(live_key(last_used_at="2026-11-23T11:58:00Z")),
        now=NOON,
        access=Access(keys=(key,)),
    )


def structure(markdown: str) -> list[str]:
    """What GitHub would make of it: every element, with texts and inline code left out."""
    kinds = []
    for block in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown):
        kinds.append(f"{block.type} {block.tag} {block.content if block.type == 'html_block' else ''}")
        for inline in block.children or ():
            is_code = inline.type == "html_inline" and inline.content in {"<code>", "</code>"}
            if inline.type not in {"text", "text_special", "code_inline"} and not is_code:
                kinds.append(f"{inline.type} {inline.tag} {inline.content}")
    return kinds


def hostile(test: Any) -> Any:
    for text in HOSTILE:
        test = example(name=text)(test)
    names = st.text(min_size=1, max_size=60)
    return settings(deadline=None, max_examples=60)(given(name=names)(test))


@pytest.mark.parametrize("name", RECORDED)
def test_markdown_of_real_previews(name: str) -> None:
    """A preview that the real engine wrote gives the review that stands beside it."""
    assert recorded_review(name) == (GOLDEN / f"{name}.review.md").read_text()


def test_markdown_without_the_gateway() -> None:
    """Without the gateway the review still shows all changes, and says what it could not check."""
    assert recorded_review("changed", offline=True) == (GOLDEN / "changed-offline.review.md").read_text()


@hostile
def test_names_change_nothing_in_markdown(name: str) -> None:
    """Whatever a name holds, the page has the elements that it has with a plain name, and no link."""
    text = review_markdown(reviewed(name))
    assert structure(text) == structure(review_markdown(reviewed("plain")))
    assert all(each.isprintable() or each in "\n\u2060" for each in text)
    assert not re.search(r"https?://|www\.|ftp://|@|\$\w", text)


@hostile
def test_names_make_no_workflow_command(name: str) -> None:
    """Each finding is one line that begins with its own command, whatever a name holds."""
    made = reviewed(name)
    lines = findings_annotations(made.findings, "stacks/access.yaml").split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(made.findings)
    form = re.compile(
        r"::(error|warning|notice) file=stacks/access.yaml,line=\d+,title=[^:,]*::[ -\x7e\x80-\U0010ffff]*"
    )
    assert all(form.fullmatch(line) and line.isprintable() for line in lines)


@hostile
def test_names_are_text_in_sarif(name: str) -> None:
    """A message holds no link and no placeholder, and is one printable line."""
    for result in json.loads(findings_sarif(reviewed(name).findings, "access.yaml"))["runs"][0]["results"]:
        text = result["message"]["text"]
        assert text.isprintable()
        assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]]", text)
        assert not re.search(r"(?<!\{)(?:\{\{)*\{(?!\{)", text)


@hostile
def test_names_survive_json(name: str) -> None:
    """JSON keeps a name as it is, in plain ASCII."""
    text = review_json(reviewed(name))
    assert text.isascii()
    assert name in {each["resource"] for each in json.loads(text)["findings"]}


def test_sarif_has_the_shape_of_its_schema() -> None:
    """What the schema of SARIF 2.1.0 requires is there, and references point at what exists."""
    findings = review(
        recorded_preview("changed"), catalogue=CATALOGUE, live=recorded_live("changed"), now=NOON
    ).findings
    document = json.loads(findings_sarif(findings, "infra%20files/access.yaml"))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "pulumi-groq review"
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    assert len(run["results"]) == len(findings) > 5
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "infra%20files/access.yaml"
        assert place["region"]["startLine"] >= 1
    fingerprints = {json.dumps(result["partialFingerprints"]) for result in run["results"]}
    assert len(fingerprints) == len({(each.rule, each.kind, each.resource) for each in findings})


def test_findings_stand_at_their_line() -> None:
    """A finding about a declared resource points at its line of the access file, any other at the first."""
    lines = findings_annotations(reviewed("plain").findings, "access.yaml").splitlines()
    assert {
        number for line in lines if "API key plain" in line for number in re.findall(r"line=(\d+)", line)
    } == {"7"}
    assert {
        number for line in lines if "team plain" in line for number in re.findall(r"line=(\d+)", line)
    } == {"1"}


def test_large_reviews_fit_into_a_comment() -> None:
    """Of 5,000 changed keys Markdown shows what fits, worst first, and counts the rest; JSON has them all."""
    steps = [
        step(
            "update",
            "GroqApiKey",
            f"key-{number}",
            old={"name": f"key-{number}", "requests_per_day": 10},
            new={"name": f"key-{number}", "requests_per_day": "unlimited" if number == 4_999 else 100},
        )
        for number in range(5_000)
    ]
    made = review(preview(*steps), catalogue=CATALOGUE, live=live(), now=NOON)
    text = review_markdown(made)
    assert len(text) <= 60_000
    assert text.startswith(f"{MARKER}\n## Groq access: 5000 to change\n")
    assert text.index("`key-4999`") < text.index("`key-0`")
    shown, more = text.count("🟠 medium |"), re.search(r"and ([\d,]+) more findings", text)
    assert more is not None
    assert shown + int(more.group(1).replace(",", "")) == 4_999
    assert len(json.loads(review_json(made))["changes"]) == 5_000
