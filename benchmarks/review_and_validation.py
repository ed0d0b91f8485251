"""How long reports on 5,000 keys take: `python benchmarks/review_and_validation.py`.

Every key of the preview changes, has findings and has usage, which is the worst case; each format is
timed by itself. The command fails when one takes longer than 2 seconds.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from pulumi_groq.reports.review.comment import review_markdown
from pulumi_groq.reports.review.formats import findings_annotations, findings_sarif, review_json
from pulumi_groq.reports.review.report import review
from pulumi_groq.reports.stack_export import read_stack
from pulumi_groq.reports.validation.checks import Validation
from pulumi_groq.reports.validation.comparison import compared
from pulumi_groq.reports.validation.formats import validation_json, validation_junit, validation_markdown
from report_facts import (
    CATALOGUE,
    NOON,
    OWNER,
    TYPES,
    live,
    live_key,
    live_policy,
    preview,
    step,
    urn,
    usage_row,
)

KEYS = 5_000
LONGEST_S = 2.0
USED = "2026-11-23T11:58:00Z"


def key_id(number: int) -> str:
    return f"key_01{number:024d}"


def settings(number: int) -> dict[str, Any]:
    return {
        "name": f"key-{number}",
        "allowed_models": ["openai/gpt-oss-20b"],
        "requests_per_day": 100,
        "monthly_budget_usd": 5,
        "managed_by": OWNER,
        "key_id": key_id(number),
        "lineage_id": key_id(number),
    }


def changed(number: int) -> dict[str, Any]:
    return {
        **settings(number),
        "allowed_models": ["openai/gpt-oss-20b", "llama-3.1-8b-instant"],
        "requests_per_day": 50,
        "monthly_budget_usd": 50,
    }


def update(number: int) -> dict[str, Any]:
    made = step("update", "GroqApiKey", f"key-{number}", old=settings(number), new=changed(number))
    made["oldState"]["outputs"] = settings(number)
    return made


def exported(number: int) -> dict[str, Any]:
    name = f"key-{number}"
    return {
        "urn": urn("GroqApiKey", name),
        "type": f"{TYPES}GroqApiKey",
        "id": name,
        "outputs": settings(number),
    }


def timed(what: str, work: Callable[[], Any]) -> tuple[bool, Any]:
    began = time.perf_counter()
    result = work()
    took_s = time.perf_counter() - began
    print(f"{what:<34} {took_s:6.2f} s")
    return took_s <= LONGEST_S, result


def main() -> None:
    """Time every step, and fail when one is too slow."""
    numbers = range(KEYS)
    keys = [
        live_key(
            id=key_id(number),
            name=f"key-{number}",
            requests_per_day=100,
            monthly_budget_usd=5,
            last_used_at=USED,
        )
        for number in numbers
    ]
    rows = [usage_row(key_id(number), f"key-{number}", requests_today=60) for number in numbers]
    facts = live(*keys, usage=rows, policy=live_policy())
    text = json.dumps({"version": 3, "deployment": {"resources": [exported(number) for number in numbers]}})
    steps = [update(number) for number in numbers]
    good = []
    ok, read = timed("read a preview", lambda: preview(*steps))
    good.append(ok)
    ok, made = timed("review it", lambda: review(read, catalogue=CATALOGUE, live=facts, now=NOON))
    good.append(ok)
    print(f"{'':<34} {len(made.findings):6,} findings")
    for what, render in (
        ("review as Markdown", lambda: review_markdown(made)),
        ("review as JSON", lambda: review_json(made)),
        ("review as SARIF", lambda: findings_sarif(made.findings, "stacks/access.yaml")),
        ("review as annotations", lambda: findings_annotations(made.findings, "stacks/access.yaml")),
    ):
        good.append(timed(what, render)[0])
    ok, state = timed("read a stack", lambda: read_stack(text, "stack"))
    good.append(ok)
    ok, checks = timed("validate it", lambda: compared(state, None, facts))
    good.append(ok)
    validation = Validation("stack", "gateway", checks)
    for what, render in (
        ("validation as Markdown", lambda: validation_markdown(validation)),
        ("validation as JSON", lambda: validation_json(validation)),
        ("validation as JUnit", lambda: validation_junit(validation)),
    ):
        good.append(timed(what, render)[0])
    sys.exit(0 if all(good) else f"a step took longer than {LONGEST_S:g} s")


main()
