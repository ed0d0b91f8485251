"""Signing in and out."""

import pytest

from page_visitor import Visitor

PAGE = "Spend against the cap"


def test_nobody_sees_the_page_without_signing_in(visitor: Visitor) -> None:
    """They are led to the form."""
    answer = visitor.get("/ui")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in")
    assert 'name="admin_key"' in visitor.get("/ui/sign-in").text


def test_the_admin_key_opens_the_page(visitor: Visitor) -> None:
    """For the holder of the cookie."""
    answer = visitor.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui")
    assert PAGE in visitor.get("/ui").text
    assert visitor.get("/ui/sign-in").headers["location"] == "/ui"


def test_the_cookie_is_kept_from_scripts_and_other_sites(visitor: Visitor) -> None:
    """Short-lived, for this page only; over TLS it never leaves unencrypted. What a client claims of a proxy
    changes nothing.
    """
    plain = visitor.sign_in(headers={"x-forwarded-proto": "https"}).headers["set-cookie"].lower()
    visitor.scheme = "https"
    behind_tls = visitor.sign_in().headers["set-cookie"].lower()
    wanted = ["httponly", "max-age=3600", "path=/ui", "samesite=strict"]
    assert sorted(part.strip() for part in plain.split(";")[1:]) == wanted
    assert sorted(part.strip() for part in behind_tls.split(";")[1:]) == sorted([*wanted, "secure"])


@pytest.mark.parametrize(
    "before",
    [
        'theme={"dark": true}',
        "flag",
        "a b=c d",
        "=",
        'x="open',
        "a[b]=1",
        "na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve=1",
    ],
)
def test_cookies_of_other_programs_on_the_host_hide_no_session(visitor: Visitor, before: str) -> None:
    """Cookies know no ports: what a program on another one sets is sent here too."""
    visitor.sign_in()
    ((name, token),) = visitor.cookies.items()
    visitor.cookies = {}
    sent = {"cookie": f"{before}; {name}={token}; {name}=planted".encode()}
    assert PAGE in visitor.get("/ui", headers=sent).text
    assert visitor.post("/ui/sign-out", headers=sent).status_code == 303
    assert visitor.get("/ui", headers=sent).status_code == 303


@pytest.mark.parametrize("key", ["", "wrong", "admin-key-of-the-ui-tests2", "\N{SNOWMAN}", "x" * 1000])
def test_a_wrong_key_is_refused(visitor: Visitor, key: str) -> None:
    """Without a cookie, and without showing it back."""
    answer = visitor.sign_in(key)
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "That is no admin key" in answer.text
    assert not key or key not in answer.text


@pytest.mark.parametrize("body", [b"", b"admin_key", b"&" * 100, b"\xff\xfe", b"admin_key=%ff", b"a=b"])
def test_a_strange_form_is_a_wrong_key(visitor: Visitor, body: bytes) -> None:
    """Never an error of the gateway."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert visitor.post("/ui/sign-in", content=body, headers=form).status_code == 401


def test_a_large_form_is_refused(visitor: Visitor) -> None:
    """Before it is read."""
    assert visitor.post("/ui/sign-in", content=b"x" * 5_000).status_code == 413


def test_five_wrong_keys_pause_the_sign_in(visitor: Visitor) -> None:
    """For their address, for five minutes; the right key has to wait too."""
    assert [visitor.sign_in("wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    refused = visitor.sign_in()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "301")
    visitor.address = "192.0.2.2"
    assert visitor.sign_in().status_code == 303
    visitor.address = "192.0.2.1"
    visitor.clock.advance(minutes=5)
    assert visitor.sign_in().status_code == 303


def test_a_hundred_wrong_keys_pause_it_for_all(visitor: Visitor) -> None:
    """Many addresses do not make guessing quicker."""
    for number in range(100):
        visitor.address = f"192.0.2.{number}"
        visitor.sign_in("wrong")
    visitor.address = "198.51.100.1"
    assert visitor.sign_in().status_code == 429


def test_whoever_is_signed_in_stays_so_meanwhile(visitor: Visitor) -> None:
    """Guessing locks nobody out."""
    visitor.sign_in()
    visitor.address = "192.0.2.66"
    for _ in range(6):
        visitor.post("/ui/sign-in", data={"admin_key": "wrong"})
    assert visitor.get("/ui").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://gateway"}, 303),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://proxied.example", "sec-fetch-site": "same-origin"}, 303),
        ({}, 303),
    ],
)
def test_other_sites_cannot_post(visitor: Visitor, headers: dict[str, str], status: int) -> None:
    """Neither a sign-in nor a sign-out can be made in somebody's name."""
    assert visitor.sign_in(headers=headers).status_code == status
    visitor.sign_in()
    assert visitor.post("/ui/sign-out", headers=headers).status_code == status
    assert visitor.get("/ui").status_code == (303 if status == 303 else 200)


def test_signing_out_ends_the_session_itself(visitor: Visitor) -> None:
    """A copy of the cookie opens nothing either."""
    visitor.sign_in()
    kept = dict(visitor.cookies)
    answer = visitor.post("/ui/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in")
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    visitor.cookies = kept
    assert visitor.get("/ui").status_code == 303


def test_a_session_lasts_an_hour(visitor: Visitor) -> None:
    """Then it has to be begun anew."""
    visitor.sign_in()
    visitor.clock.advance(minutes=59, seconds=59)
    assert visitor.get("/ui").status_code == 200
    visitor.clock.advance(seconds=1)
    assert visitor.get("/ui").status_code == 303


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/ui", "GET, HEAD"),
        ("PUT", "/ui/sign-in", "GET, HEAD, POST"),
        ("GET", "/ui/sign-out", "POST"),
        ("HEAD", "/ui/sign-out", "POST"),
    ],
)
def test_other_methods_are_refused(visitor: Visitor, method: str, path: str, allowed: str) -> None:
    """Signing out by a link would let any page do it."""
    answer = visitor.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/", "/ui/"])
def test_what_people_type_leads_to_the_page(visitor: Visitor, path: str) -> None:
    """The bare address, or a slash too many."""
    answer = visitor.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui")


@pytest.mark.parametrize(("path", "status"), [("/ui", 303), ("/ui/sign-in", 200)])
def test_whoever_asks_for_heads_gets_them(visitor: Visitor, path: str, status: int) -> None:
    """As what watches whether a page is up does, and what previews links."""
    assert visitor.ask("HEAD", path).status_code == status


def test_every_answer_is_closed_to_others(visitor: Visitor) -> None:
    """No caching, no framing, no sniffing, no referrer to elsewhere, and a content policy."""
    for answer in (visitor.get("/ui"), visitor.get("/ui/sign-in"), visitor.sign_in("no"), visitor.sign_in()):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert (answer.headers["cache-control"], answer.headers["x-frame-options"]) == ("no-store", "DENY")
        assert answer.headers["x-content-type-options"] == "nosniff"
