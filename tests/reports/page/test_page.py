"""The document: complete, closed to everything else, and harmless whatever names it shows."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_facts import NOON, bucket, facts, key, key_id, page_facts_of, policy, today
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.budgets import Per
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.history import Change, DenialBucket, ObjectKind
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.models.usage import BudgetUse, TeamUsage
from pulumi_groq.reports.page import LIVE_CONTENT_POLICY, PageFacts, page, page_facts, sign_in_page
from pulumi_groq.reports.page.facts import OVERLAPS_ASKED
from pulumi_groq.reports.page.series import reason_in_words
from recorded_source import RecordedSource
from work_time import work_time

GOLDEN = Path(__file__).parents[1] / "usage" / "golden" / "facts.json"
CHARTS = {"spend", "models", "keys", "refused"}
SECTIONS = CHARTS | {"key-table", "rotation", "changes"}
MANY = 5_000


@pytest.fixture(scope="module")
def recorded() -> PageFacts:
    """A real gateway's answers."""
    return page_facts(RecordedSource.read(GOLDEN))


def with_name(name: str) -> PageFacts:
    """The name everywhere where somebody else chooses one."""
    named = {"key_name": name, "team": name}
    held = facts(
        keys=[key(1).model_copy(update={"name": name, "team": name})],
        buckets=[bucket(2).model_copy(update=named)],
    )
    day = NOON.date()
    change = Change(
        id=1,
        at=NOON,
        kind="team",
        object_id="t",
        name="t",
        action="updated",
        fields=["metadata"],
        managed_by=None,
    )
    return page_facts_of(
        held,
        days_by_key=[bucket(1, day=day).model_copy(update=named)],
        days_by_model=[bucket(day=day).model_copy(update={"model": name})],
        denials=[DenialBucket(day=day, reason="x", requests=1).model_copy(update={"reason": name})],
        changes=[change.model_copy(update={"name": name, "managed_by": name})],
    )


def section(html: str, id_: str) -> str:
    """The markup of one section."""
    return html.split(f'id="{id_}"', 1)[1].split("<section", 1)[0]


def hash_of(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@pytest.mark.parametrize("kind", get_args(ObjectKind))
def test_a_change_of_each_kind_of_object_is_shown(kind: ObjectKind) -> None:
    """Whatever the admin API was told to change."""
    change = Change(
        id=1, at=NOON, kind=kind, object_id="x", name="n", action="created", fields=[], managed_by=None
    )
    shown = section(page(page_facts_of(facts(), changes=[change]), live=False), "changes")
    assert "<bdi>n</bdi> created" in shown


def use(per: Per, model: str | None = None) -> BudgetUse:
    amounts = {"budget_usd": Decimal(5), "spent_usd": Decimal(4), "remaining_usd": Decimal(1)}
    return BudgetUse(per=per, model=model, resets_at=NOON, **amounts)


def test_what_is_left_of_budgets_is_shown(parse: Any) -> None:
    """Of each window and model of a key, of teams, and of the organisation; other months' not."""
    used = today(1).model_copy(update={"budgets": [use("hour"), use("month", "m")]})
    held = facts(
        keys=[key(1)],
        today=[used],
        teams=[TeamUsage(team="<b>", budgets=[use("week")])],
        budgets=[use("day")],
    )
    html = page(page_facts_of(held), live=False)
    of_key = parse(section(html, "key-table")).texts
    assert [text for text in of_key if " of 5.00 " in text] == [
        "1.00 of 5.00 this hour",
        "1.00 of 5.00 this month",
    ]
    assert "m" in of_key
    of_team = parse(section(html, "team-budgets")).texts
    assert ("<b>" in of_team, "1.00 of 5.00 this week" in of_team) == (True, True)
    assert "Spent 4.00 USD today: 1.00 of 5.00 left." in parse(section(html, "spend")).texts
    assert 'id="team-budgets"' not in page(page_facts_of(facts(keys=[key(1)])), live=False)


def test_every_section_is_there(recorded: PageFacts, parse: Any) -> None:
    """Spend, usage, refusals, keys, rotation and changes."""
    ids = {attributes.get("id") for _, attributes in parse(page(recorded, live=False)).tags}
    assert ids >= SECTIONS


def test_every_drawing_has_words(recorded: PageFacts, parse: Any) -> None:
    """An image for assistive technology, or hidden from it; each chart has a table beside it."""
    parsed = parse(page(recorded, live=False))
    silent = [
        svg for svg in parsed.named("svg") if not svg.get("aria-label") and svg.get("aria-hidden") != "true"
    ]
    tables = {details["id"] for details in parsed.named("details")}
    assert (silent, tables) == ([], {f"{chart}-table" for chart in CHARTS})


def test_the_file_runs_nothing_and_loads_nothing(recorded: PageFacts, parse: Any) -> None:
    """No script, no inline style or handler, no address but the empty icon."""
    parsed = parse(page(recorded, live=False))
    addresses = {
        value for _, each in parsed.tags for name, value in each.items() if name in {"href", "src", "action"}
    }
    attributes = {name for _, each in parsed.tags for name in each}
    assert (parsed.named("script"), parsed.named("form"), addresses) == ([], [], {"data:,"})
    assert [name for name in attributes if name.startswith("on") or name == "style"] == []


def test_the_files_policy_allows_its_own_style_only(recorded: PageFacts, parse: Any) -> None:
    """By hash, before anything that it governs."""
    html = page(recorded, live=False)
    parsed = parse(html)
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (said,) = [meta["content"] for meta in parsed.named("meta") if "http-equiv" in meta]
    own_style = f"style-src {hash_of(style[0])}"
    assert said == f"default-src 'none'; {own_style}; img-src data:; base-uri 'none'; form-action 'none'"
    assert html.index("http-equiv") < html.index("<style>")


def test_the_live_pages_policy_allows_its_own_script_too(recorded: PageFacts) -> None:
    """By hash; it may ask its own gateway, and be framed by nobody."""
    html = page(recorded, live=True, sign_out_path="/out")
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert f"script-src {hash_of(script)}" in LIVE_CONTENT_POLICY
    assert "unsafe" not in LIVE_CONTENT_POLICY
    assert {"connect-src 'self'", "frame-ancestors 'none'"} < set(LIVE_CONTENT_POLICY.split("; "))
    assert '<form method="post" action="/out">' in html


def test_the_sign_in_says_what_went_wrong(parse: Any) -> None:
    """As text, announced to assistive technology."""
    parsed = parse(sign_in_page("/in", "<b>no</b>"))
    assert "<b>no</b>" in parsed.texts
    assert [each["role"] for each in parsed.named("p") if "role" in each] == ["alert"]
    assert [(each["type"], each["name"]) for each in parsed.named("input")] == [("password", "admin_key")]


def test_no_secret_is_on_the_page() -> None:
    """Webhook URLs carry tokens: the page does not show them."""
    held = facts(policy=policy(alert_webhook_urls=["https://hooks.example/T0/s3cret"]))
    assert "hooks.example" not in page(page_facts_of(held), live=False)


HOSTILE = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</svg><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "javascript:alert(1)",
    "&#60;script&#62;",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
]


@given(st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_names_are_inert(parse_once: Any, name: str) -> None:
    """The same elements and attributes as with a plain name: a name adds text and nothing else."""

    def shape(facts_: PageFacts) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in parse_once(page(facts_, live=True)).tags]

    assert shape(with_name(name)) == shape(with_name("plain"))


def test_a_paused_organisation_is_told_first() -> None:
    """Nothing else matters as much then."""
    held = policy(cap_usd="1", spent_usd="1")
    paused = held.model_copy(update={"status": held.status.model_copy(update={"paused": True})})
    html = page(page_facts_of(facts(policy=paused)), live=False)
    assert html.index("Paused: the monthly cap is reached") < html.index("Spent this month")
    assert "Paused" not in page(page_facts_of(facts(policy=held)), live=False)


def test_an_empty_organisation_has_a_page() -> None:
    """Without keys, policy, usage, refusals or changes."""
    html = page(page_facts_of(facts()), live=False)
    for said in (
        "no cap is set",
        "There are no keys.",
        "Nothing in these days.",
        "Nothing has been changed yet.",
    ):
        assert said in html


def test_the_rotation_calendar_shows_what_is_known() -> None:
    """Generation, age, the predecessor in overlap; the next date only from an access file."""
    first = key(1, lineage_id=key_id(1), created_at=NOON - timedelta(days=40), last_used_at=NOON)
    second = key(2, name="key-1", lineage_id=key_id(1), generation=2, created_at=NOON - timedelta(days=9))
    held = facts(keys=[first, second])
    unknown = section(page(page_facts_of(held), live=False), "rotation")
    schedules = {"key-1": RotationSchedule(every_days=30)}
    known = section(page(page_facts_of(held, schedules=schedules), live=False), "rotation")
    assert "9 d" in unknown
    assert "last used 2026-11-23 12:00 UTC" in unknown
    assert ("Next rotation" in unknown, "Next rotation" in known, "2026-12-14" in known) == (
        False,
        True,
        True,
    )


@pytest.mark.parametrize(("age_days", "said"), [(29, "2026-11-24"), (31, "due since 2026-11-22")])
def test_a_rotation_that_is_due_says_so(age_days: int, said: str) -> None:
    """From the day on."""
    held = facts(keys=[key(1, created_at=NOON - timedelta(days=age_days))])
    given_ = page_facts_of(held, schedules={"key-1": RotationSchedule(every_days=30)})
    assert said in section(page(given_, live=False), "rotation")


def test_keys_of_one_name_are_told_apart() -> None:
    """By their last four characters, in the legend."""
    day = NOON.date()
    keys = [key(number, name="twin") for number in (1, 2)]
    days = [bucket(number, day=day, key_name="twin") for number in (1, 2)]
    html = page(page_facts_of(facts(keys=keys), days_by_key=days), live=False)
    assert ("twin …0001" in html, "twin …0002" in html) == (True, True)


def test_spend_of_keys_without_a_colour_is_shown_as_others() -> None:
    """The bars reach the day's total."""
    day = NOON.date()
    held = page_facts_of(
        facts(keys=[key(1)]),
        days_by_key=[bucket(1, day=day, cost_usd="1")],
        days_by_model=[bucket(day=day, model="m", cost_usd="3")],
    )
    assert "others 2.0000" in section(page(held, live=False), "keys")


def test_five_thousand_keys_render_in_under_two_seconds() -> None:
    """The dearest hundred have a row, sums hold all; four times the keys is not sixteen times the work."""

    def of(count: int) -> PageFacts:
        keys = [key(number) for number in range(count)]
        buckets = [bucket(number, cost_usd=str(Decimal(number % 97) / 100)) for number in range(count)]
        return page_facts_of(facts(keys=keys, buckets=buckets, policy=policy()))

    few, many = of(MANY // 4), of(MANY)
    took = work_time(lambda: page(many, live=False), lambda: page(few, live=False))
    assert took.much_s < 2.0
    assert took.times_little < 8
    html = page(many, live=False)
    assert ("100 of 5,000 keys" in html, "100 of 5,000 lineages" in html) == (True, True)
    assert section(html, "key-table").count("<tr>") == 102


def consumer(address: str, user_agent: str = "", hours_ago: int = 0) -> Consumer:
    return Consumer(address=address, user_agent=user_agent, last_used_at=NOON - timedelta(hours=hours_ago))


def rotated(old: Sequence[Consumer], new: Sequence[Consumer]) -> str:
    """What the page says of a key in overlap that these used."""
    keys = [key(1), key(2, replaces=key_id(1), lineage_id=key_id(1), generation=2)]
    held = page_facts_of(facts(keys=keys), consumers={key_id(1): old, key_id(2): new})
    return section(page(held, live=False), "rotation")


def test_who_has_not_moved_stands_below_the_predecessor() -> None:
    """By address and User-Agent, with the time; whoever used the successor since does not."""
    html = rotated(
        [consumer("10.0.0.7", "batch/3", 2), consumer("10.0.0.8", "chat/2", 5), consumer("10.0.0.9", "", 1)],
        [consumer("10.0.0.8", "chat/2", 1), consumer("10.0.0.9", "", 3)],
    )
    assert "<bdi>10.0.0.7</bdi> <bdi>batch/3</bdi>, 2026-11-23 10:00 UTC" in html
    assert "<bdi>10.0.0.9</bdi> <bdi>no User-Agent</bdi>" in html  # went back to the old value
    assert "10.0.0.8" not in html


def test_when_all_have_moved_the_page_says_so() -> None:
    """Then the predecessor may go; where nobody was seen nothing is said."""
    assert "all have moved" in rotated([consumer("10.0.0.8", "a", 5)], [consumer("10.0.0.8", "a", 1)])
    assert "moved" not in rotated([], []).partition("<table")[2]


def test_many_consumers_are_counted() -> None:
    """Five, and how many more."""
    html = rotated([consumer(f"10.0.0.{number}") for number in range(9)], [])
    assert (html.count("<bdi>10.0.0."), "and 4 more" in html) == (5, True)


@given(st.text())
def test_a_user_agent_is_only_text(name: str) -> None:
    """Whatever a client calls itself."""
    html = rotated([consumer("10.0.0.7").model_copy(update={"user_agent": f"<script>{name}"})], [])
    assert "<script" not in html


class Overlaps(RecordedSource):
    """As many keys in overlap as are asked for, none of which is there any more when its consumers are."""

    def __init__(self, count: int) -> None:
        super().__init__(json.loads(GOLDEN.read_text(encoding="utf-8")))
        self._count = count
        self.asked = 0

    def keys(self) -> list[ApiKey]:
        return [
            key(2 * lineage + generation, lineage_id=key_id(2 * lineage), generation=generation)
            for lineage in range(self._count)
            for generation in (1, 2)
        ]

    def consumers(self, key_id: str) -> list[Consumer]:
        self.asked += 1
        return []


def test_consumers_are_asked_for_some_keys_only() -> None:
    """However many are in overlap, the page is made of a bounded number of questions."""
    source = Overlaps(500)
    page_facts(source)
    assert source.asked == 2 * OVERLAPS_ASKED


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("model_not_available", "model not allowed"),
        ("model_budget_day", "model: budget of the day reached"),
        ("team_requests_per_minute", "team: requests per minute"),
        ("cap_hour", "cap of the hour reached"),
        ("something_new", "something new"),
    ],
)
def test_reasons_are_in_words(reason: str, words: str) -> None:
    """A reason that begins like a level's is not taken for one."""
    assert reason_in_words(reason) == words
