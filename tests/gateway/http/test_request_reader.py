"""Requests are read strictly, within bounds, and the same however their bytes are cut up."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.http.request_reader import (
    HEAD_LIMIT_BYTES,
    HEAD_LINES,
    Event,
    RequestHead,
    RequestReader,
    RequestTarget,
    read_target,
)

HOST = b"host: h\r\n"
END = b"\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"


class Reading:
    """What a reader told: requests with their bodies, and how it ended."""

    def __init__(self) -> None:
        self.heads: list[RequestHead] = []
        self.bodies: list[bytes] = []
        self.ended = 0
        self.refused: tuple[int, str] | None = None
        self._reader = RequestReader()

    def give(self, data: bytes) -> None:
        """As a connection does: until nothing is left or it is refused."""
        while data and self.refused is None:
            try:
                data = data[self._reader.take(data) :]
            except Refusal as refusal:
                self.refused = (refusal.status, str(refusal.detail.code))
            for event in self._reader.events:
                self._note(event)
            self._reader.events.clear()

    def _note(self, event: Event) -> None:
        if event == "begun":
            assert self.ended == len(self.heads)
        elif event == "ended":
            self.ended += 1
        elif isinstance(event, bytes):
            self.bodies[-1] += event
        elif isinstance(event, RequestHead):
            self.heads.append(event)
            self.bodies.append(b"")

    @property
    def told(self) -> Any:
        requests = [(*head, body) for head, body in zip(self.heads, self.bodies, strict=True)]
        return requests, self.ended, self.refused


def reading_of(*pieces: bytes) -> Reading:
    reading = Reading()
    for piece in pieces:
        reading.give(piece)
    return reading


MALFORMED = (400, "invalid_http_request")
TOO_LARGE = (431, "request_header_fields_too_large")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + HOST,
        b"GET / HTTP/1.1\r\nhost: a, b\r\n",
        b"GET / HTTP/1.1\r\nhost: user@h\r\n",
        b"GET / HTTP/1.1\r\nhost: h/path\r\n",
        b"GET / HTTP/1.0\r\n" + HOST + HOST,
        b"GET / HTTP/1.0\r\n" + HOST + b"transfer-encoding: chunked\r\n",
        b"GET / HTTP/2.0\r\n" + HOST,
        b"GET / HTTP/0.9\r\n" + HOST,
        b"GET /\r\n" + HOST,
        b"GET nowhere HTTP/1.1\r\n" + HOST,
        b"GET ftp://h/ HTTP/1.1\r\n" + HOST,
        b"GET http:///path HTTP/1.1\r\n" + HOST,
        b"GET /a#b HTTP/1.1\r\n" + HOST,
        b"GET /\xff HTTP/1.1\r\n" + HOST,
        b"CONNECT h:443 HTTP/1.1\r\n" + HOST,
        b"GET / HTTP/1.1\r\n" + HOST + b"content-length: 1\r\ntransfer-encoding: chunked\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"content-length: 1\r\ncontent-length: 1\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"content-length: -1\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"content-length: 1, 1\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"content-length: " + b"9" * 30 + END,
        b"GET / HTTP/1.1\r\n" + HOST + b"transfer-encoding: gzip\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"transfer-encoding: gzip, chunked\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked, chunked\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n c\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"a: b\x00c\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"a: b\rc\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"a: b\nc: d\r\n",
        b"GET / HTTP/1.1\n" + HOST,
        b"GET / HTTP/1.1\r\n" + HOST + b"a : b\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n",
        b"POST / HTTP/1.1\r\n"
        + HOST
        + b"connection: upgrade\r\nupgrade: h2c\r\ntransfer-encoding: chunked\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_could_be_read_in_two_ways_is_400(head: bytes) -> None:
    """Whatever else follows, nothing of it is taken for a request."""
    reading = reading_of(head + END + b"GET /next HTTP/1.1\r\n" + HOST + END)
    assert reading.refused == MALFORMED
    assert reading.heads == []


def test_an_expectation_that_cannot_be_met_is_417() -> None:
    """Only `100-continue` can."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"expect: tea\r\n\r\n"
    assert reading_of(head).refused == (417, "invalid_http_request")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a%20b?c=%64", "/a b", b"c=%64"),
        (b"//a/b", "//a/b", b""),
        (b"/a?b?c", "/a", b"b?c"),
        (b"HTTP://h:1/a?b", "/a", b"b"),
        (b"https://h", "/", b""),
        (b"http://h?a", "/", b"a"),
        (b"*", "*", b""),
    ],
)
def test_targets_are_paths_or_urls(target: bytes, path: str, query: bytes) -> None:
    """A URL's host is not looked at: a proxy may send it."""
    read = read_target(target)
    assert read is not None
    assert (read.path, read.query) == (path, query)


@pytest.mark.parametrize("size", [HEAD_LIMIT_BYTES, HEAD_LIMIT_BYTES + 1])
@pytest.mark.parametrize("step", [1_000, HEAD_LIMIT_BYTES * 2])
def test_one_limit_holds_for_heads_in_one_piece_or_many(size: int, step: int) -> None:
    """To the byte; spaces count."""
    begin = b"GET / HTTP/1.1\r\n" + HOST + b"x:"
    head = begin + b" " * (size - len(begin) - 5) + b"y\r\n\r\n"
    assert len(head) == size
    reading = reading_of(*(head[at : at + step] for at in range(0, size, step)))
    assert reading.refused == (None if size <= HEAD_LIMIT_BYTES else TOO_LARGE)
    assert len(reading.heads) == (1 if size <= HEAD_LIMIT_BYTES else 0)


def test_a_head_has_so_many_lines() -> None:
    """Short lines take more memory than bytes."""
    lines = b"x: y\r\n" * HEAD_LINES
    assert reading_of(b"GET / HTTP/1.1\r\n" + HOST + lines + END).refused == TOO_LARGE
    assert reading_of(b"GET / HTTP/1.1\r\n" + HOST + lines[6:] + END).refused is None


@pytest.mark.parametrize("empty", [b"\r\n", b"\n"])
def test_lines_before_a_request_are_bounded(empty: bytes) -> None:
    """They are no request, so no head bounds them."""
    assert reading_of(*[empty * 1_000] * 100).refused is not None


def test_trailers_are_dropped() -> None:
    """They say nothing of this request and nothing of the next."""
    trailers = b"1\r\na\r\n0\r\nauthorization: Bearer a\r\nhost: evil\r\n\r\n"
    reading = reading_of(CHUNKED + trailers + b"GET /next HTTP/1.1\r\n" + HOST + END)
    names = [[name for name, _ in head.headers] for head in reading.heads]
    assert names == [[b"host", b"transfer-encoding"], [b"host"]]
    assert (reading.bodies, reading.refused) == ([b"a", b""], None)


@pytest.mark.parametrize(
    "repeated",
    [b"x: aaaaaaaa\r\n", b"x", b"x: " + b"y" * 100, b"x:" + b" " * 100],
)
def test_trailers_without_end_are_cut_off_within_the_limit(repeated: bytes) -> None:
    """However they are written: lines, a name, a value or spaces without end."""
    reading = Reading()
    reading.give(CHUNKED + b"1\r\na\r\n0\r\n" + (b"x: y\r\nx" if repeated == b"x" else b""))
    given_bytes = 0
    while reading.refused is None:
        reading.give(repeated * 100)
        given_bytes += len(repeated) * 100
        assert given_bytes < 2 * HEAD_LIMIT_BYTES + len(repeated) * 100
    assert reading.refused[0] in {400, 431}


def test_extensions_of_chunks_are_bounded() -> None:
    """What frames a body may not be much more than the body."""
    long = b"1;" + b"e" * 100 + b"\r\na\r\n"
    assert reading_of(CHUNKED, *[long * 100] * 40).refused == TOO_LARGE
    assert reading_of(CHUNKED, *[b"1;e\r\na\r\n" * 1_000] * 40).refused is None


def test_a_body_in_chunks_of_one_byte_is_read() -> None:
    """Odd, but no more than that."""
    reading = reading_of(CHUNKED, *[b"1\r\na\r\n" * 1_000] * 50, b"0\r\n\r\n")
    assert (reading.refused, reading.ended, len(reading.bodies[0])) == (None, 1, 50_000)


def test_a_body_stays_a_body_where_an_upgrade_is_offered() -> None:
    """Clients that would rather speak HTTP/2 (Java's, for one) offer it with their first request."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
    body = b"GET /inner HTTP/1.1\r\n" + HOST + END
    reading = reading_of(
        head + b"content-length: %d\r\n\r\n" % len(body) + body + b"GET /next HTTP/1.1\r\n" + HOST + END
    )
    assert [head.target.path for head in reading.heads] == ["/", "/next"]
    assert (reading.bodies, reading.ended) == ([body, b""], 2)


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.0\r\n", b"GET / HTTP/1.1\r\n" + HOST + b"connection: close\r\n"]
)
def test_nothing_follows_a_last_request(head: bytes) -> None:
    """What comes then is neither a request nor a mistake."""
    reading = reading_of(head + END + b"GET /next HTTP/1.1\r\n" + HOST + END, b"\x00")
    assert (len(reading.heads), reading.ended, reading.refused) == (1, 1, None)
    assert reading.heads[0].is_last


REQUESTS = [
    b"GET /a?b HTTP/1.1\r\nHost: h\r\nX: y \r\n\r\n",
    b"\r\nGET http://h/%61 HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /b HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nab\r\nc",
    CHUNKED + b"1;x=y\r\na\r\n2\r\nbc\r\n0\r\nt: u\r\n\r\n",
    b"POST /d HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\nGET",
    b"POST /e HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n\n",
]
ENDINGS = [
    b"",
    b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: h\r\na: b\r\n c\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nz\r\n",
    b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\nconnection: close\r\n\r\nab",
    b"\x00",
]


@st.composite
def cut_up(draw: st.DrawFn) -> list[bytes]:
    """Some requests in a row, cut anywhere."""
    whole = b"".join(draw(st.lists(st.sampled_from(REQUESTS), max_size=5))) + draw(st.sampled_from(ENDINGS))
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=len(whole))))
    return [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(pieces=cut_up())
def test_bytes_mean_the_same_however_they_are_cut_up(pieces: list[bytes]) -> None:
    """The same requests, the same bodies, the same refusal."""
    assert reading_of(*pieces).told == reading_of(b"".join(pieces)).told


@given(data=st.binary(max_size=200), begin=st.sampled_from([b"", *REQUESTS]))
def test_any_bytes_are_requests_or_refused(data: bytes, begin: bytes) -> None:
    """Nothing else is raised, and one byte at a time gives the same."""
    whole = begin[:-2] + data
    at_once = reading_of(whole)
    assert at_once.told == reading_of(*(whole[at : at + 1] for at in range(len(whole)))).told
    assert all(isinstance(head.target, RequestTarget) for head in at_once.heads)
