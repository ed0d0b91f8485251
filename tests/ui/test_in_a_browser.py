"""The page in a real browser: the file, and the same page served live."""

import hashlib
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from headless_browser import DESK, PHONE, Browser
from local_engine import Gateway
from pulumi_groq.models.team import TeamSettings

SCREENS = [("desk", DESK), ("phone", PHONE)]
HOSTILE_NAME = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\"&|`=1+1"
)

# Text against what is behind it, by the formula of WCAG 2.
CONTRASTS = """
(() => {
  const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = "h1,h2,p,dt,dd,th,td,text,summary,li,small,button,label,.tag";
  for (const each of document.querySelectorAll(texts)) {
    if (!each.textContent.trim() || !each.getClientRects().length) continue;
    const style = getComputedStyle(each);
    const ink = light(rgb(each.tagName === "text" ? style.fill : style.color)), paper = light(behind(each));
    found.push([(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), each.outerHTML.slice(0, 80)]);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
})()
"""


def shown_charts(browser: Browser) -> list[str]:
    """The sections in which exactly one drawing of the chart is visible, with its marks."""
    found: list[str] = browser.evaluate(
        """[...document.querySelectorAll("figure")].filter((figure) => {
             const drawn = [...figure.querySelectorAll("svg.chart")];
             const seen = drawn.filter((svg) => svg.getClientRects().length);
             return seen.length === 1 && seen[0].querySelectorAll("rect, path").length > 10;
           }).map((figure) => figure.closest("section").id)"""
    )
    return found


def overflow(browser: Browser) -> int:
    """By how many pixels the page is wider than the screen."""
    wider: int = browser.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wider


@pytest.fixture(params=["file", "live"])
def opened(request: pytest.FixtureRequest, browser: Browser) -> Browser:
    """The browser with the page open, as a file or live."""
    if request.param == "file":
        browser.open(request.getfixturevalue("report_file").as_uri())
    else:
        gateway: Gateway = request.getfixturevalue("gateway")
        request.getfixturevalue("sign_in")(gateway.admin_key)
    return browser


def test_charts_fit_every_screen(opened: Browser) -> None:
    """Each chart is drawn once, for a desk or for a phone; nothing sticks out at 375 pixels."""
    for _, size in SCREENS:
        opened.look(size)
        assert shown_charts(opened) == ["spend", "models", "keys", "refused"]
        assert overflow(opened) == 0


def test_text_can_be_read_in_light_and_dark(opened: Browser) -> None:
    """All text has a contrast of 4.5 at least, on desk and phone."""
    for (_, size), scheme in product(SCREENS, ["light", "dark"]):
        opened.look(size, scheme)
        lowest, where = opened.evaluate(CONTRASTS)
        assert lowest >= 4.5, (scheme, where)


def test_light_and_dark_differ(opened: Browser) -> None:
    """The page follows the reader's setting, pictures too."""
    pictures = set()
    for scheme in ("light", "dark"):
        opened.look(DESK, scheme)
        pictures.add(hashlib.sha256(opened.picture()).hexdigest())
    assert len(pictures) == 2


def test_hostile_names_do_nothing(opened: Browser) -> None:
    """They stand there as they are; no element came of them and no script ran."""
    assert opened.evaluate("document.title") == "Groq access"
    assert opened.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
    names: list[str] = opened.evaluate(
        "[...document.querySelectorAll('#key-table bdi')].map((e) => e.textContent)"
    )
    assert HOSTILE_NAME in names
    teams: list[str] = opened.evaluate(
        "[...document.querySelectorAll('#team-budgets bdi')].map((e) => e.textContent)"
    )
    assert teams == ["<script>alert(1)</script>", "research"]


def test_every_chart_has_its_table(opened: Browser) -> None:
    """Opened on request, with a row a day."""
    rows = opened.evaluate(
        """[...document.querySelectorAll("details")].map((each) => {
             each.open = true;
             return [each.id, [...each.querySelectorAll("tbody")].at(-1).rows.length];
           })"""
    )
    assert dict(rows) == {"spend-table": 23, "models-table": 31, "keys-table": 31, "refused-table": 31}
    opened.look(PHONE)
    assert overflow(opened) == 0


def test_the_file_asks_for_nothing(browser: Browser, report_file: Path) -> None:
    """It can be opened from a mail, on a machine without a network."""
    browser.open(report_file.as_uri())
    assert [url for url in browser.requested if not url.startswith("data:")] == [report_file.as_uri()]


def test_the_policy_of_the_file_is_in_force(browser: Browser, report_file: Path, tmp_path: Path) -> None:
    """A script that somebody puts into the file does not run: the browser says why."""
    changed = tmp_path / "changed.html"
    html = report_file.read_text(encoding="utf-8")
    changed.write_text(html.replace("</body>", "<script>document.title = 'owned'</script></body>"))
    browser.open(changed.as_uri())
    assert browser.evaluate("document.title") == "Groq access"
    assert any("script-src" in problem for problem in browser.problems)
    browser.problems.clear()


def test_the_file_holds_no_secret(gateway: Gateway, report_file: Path) -> None:
    """Neither the admin key nor a value of a key."""
    html = report_file.read_text(encoding="utf-8")
    assert (gateway.admin_key in html, "pgq_" in html) == (False, False)


def test_the_live_page_asks_only_its_gateway(browser: Browser, gateway: Gateway, sign_in: Any) -> None:
    """From signing in to the first refresh."""
    sign_in(gateway.admin_key)
    browser.evaluate("refresh()")
    asked = {url for url in browser.requested if not url.startswith("data:")}
    assert asked == {f"{gateway.base_url}/ui", f"{gateway.base_url}/ui/sign-in"}


def test_the_live_page_keeps_itself_up(browser: Browser, gateway: Gateway, sign_in: Any) -> None:
    """A refresh brings new facts and leaves open what is open."""
    sign_in(gateway.admin_key)
    browser.evaluate("document.getElementById('models-table').open = true")
    browser.evaluate("document.querySelector('#facts').dataset.old = 'yes'")
    with gateway.client() as client:
        client.put_team("new-team", TeamSettings(allowed_models=["llama-3.1-8b-instant"]))
    browser.evaluate("refresh()")
    assert browser.evaluate("document.querySelector('#changes').textContent.includes('new-team')")
    assert browser.evaluate("document.querySelector('#facts').dataset.old") is None
    assert browser.evaluate("[...document.querySelectorAll('details[open]')].map((each) => each.id)") == [
        "models-table"
    ]


def test_a_page_that_cannot_be_refreshed_says_so(browser: Browser, gateway: Gateway, sign_in: Any) -> None:
    """Until it can: old figures look like new ones."""
    sign_in(gateway.admin_key)
    told = "getComputedStyle(document.getElementById('as-of'), '::after').content"
    browser.evaluate("globalThis.former = fetch; globalThis.fetch = () => Promise.reject(new Error())")
    browser.evaluate("refresh()")
    assert "does not answer" in browser.evaluate(told)
    browser.evaluate("globalThis.fetch = former")
    browser.evaluate("refresh()")
    assert browser.evaluate(told) == "none"


def test_a_refresh_takes_nobody_from_where_they_are(browser: Browser, gateway: Gateway, sign_in: Any) -> None:
    """Whoever goes by keyboard, or reads a wide table on a phone, had to begin anew."""
    sign_in(gateway.admin_key)
    browser.look(PHONE)
    table = "document.querySelector('#key-table .scroll')"
    browser.evaluate(f"{table}.scrollLeft = 40; document.querySelector('#models-table summary').focus()")
    browser.evaluate("refresh()")
    assert browser.evaluate("document.activeElement.parentElement.id") == "models-table"
    assert browser.evaluate(f"{table}.scrollLeft") == 40
    browser.evaluate(f"{table}.focus()")
    browser.evaluate("refresh()")
    assert browser.evaluate(f"document.activeElement === {table}")


def test_the_cookie_is_out_of_reach(browser: Browser, gateway: Gateway, sign_in: Any) -> None:
    """No script of the page can read the session."""
    sign_in(gateway.admin_key)
    assert browser.evaluate("document.cookie") == ""


def test_signing_out_leads_back_to_the_form(browser: Browser, gateway: Gateway, sign_in: Any) -> None:
    """And the page is closed again; a refresh of a page left open leads there too."""
    sign_in(gateway.admin_key)
    browser.click(".top button")
    assert browser.evaluate("location.pathname") == "/ui/sign-in"
    browser.open(f"{gateway.base_url}/ui")
    assert browser.evaluate("location.pathname") == "/ui/sign-in"


def test_going_back_after_signing_out_shows_nothing(browser: Browser, sign_in: Any, gateway: Gateway) -> None:
    """The browser keeps the page that it left, and whoever sits down next has the button."""
    sign_in(gateway.admin_key)
    browser.click(".top button")
    browser.go_back()
    assert browser.evaluate("location.pathname") == "/ui/sign-in"
    assert browser.evaluate("document.getElementById('facts')") is None
