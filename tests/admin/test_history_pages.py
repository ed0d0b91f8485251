"""Past usage and denials, read page by page."""

from datetime import date
from typing import Any

import pytest

from pulumi_groq.errors import UnexpectedAnswerError

DAY = date(2026, 11, 23)


def page(requests: list[int], following: str | None) -> dict[str, Any]:
    """A page of denials."""
    return {
        "object": "list",
        "as_of": "2026-11-23T12:00:00Z",
        "since": "2026-11-23",
        "until": "2026-11-23",
        "data": [{"reason": f"r{number}", "requests": number} for number in requests],
        "next": following,
    }


def test_pages_are_joined(make_client: Any, script: Any, answer: Any) -> None:
    """Each further page is asked for with the `next` of the one before."""
    server = script(answer(body=page([1, 2], "abc")), answer(body=page([3], None)))
    found = list(make_client(server).denials(since=DAY, until=DAY, group_by=("reason",)))
    asked = "/openai/v1/usage/denials?since=2026-11-23&until=2026-11-23&group_by=reason&limit=1000"
    assert [each.requests for each in found] == [1, 2, 3]
    assert server.lines == [f"GET {asked}", f"GET {asked}&after=abc"]


def test_a_page_is_not_asked_for_before_it_is_needed(make_client: Any, script: Any, answer: Any) -> None:
    """Whoever stops early costs no request."""
    server = script(answer(body=page([1], "abc")))
    assert next(iter(make_client(server).denials(since=DAY, until=DAY))).requests == 1
    assert len(server.lines) == 1


def test_pages_that_go_in_circles_end(make_client: Any, script: Any, answer: Any) -> None:
    """In an error, not in an endless loop."""
    server = script(answer(body=page([1], "abc")), answer(body=page([2], "abc")))
    with pytest.raises(UnexpectedAnswerError, match="circles"):
        list(make_client(server).denials(since=DAY, until=DAY))
    assert len(server.lines) == 2
