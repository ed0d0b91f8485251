"""What is accepted is read by other parsers exactly as here; the rest is refused and goes nowhere."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import python_multipart
import werkzeug.formparser
from hypothesis import given, settings
from hypothesis import strategies as st
from python_multipart.exceptions import FormParserError

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.multipart import read_form

CONTENT_TYPE = b"multipart/form-data; boundary=XyZ"
ALLOWED = b"whisper-large-v3-turbo"
DECOY = b"whisper-large-v3"
FORM_DATA = b"Content-Disposition: form-data; "
MODEL = FORM_DATA + b'name="model"\r\n\r\n' + ALLOWED
FILE = FORM_DATA + b'name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n' + b"RIFF\x00\xff" * 20

Reading = tuple[list[tuple[str, bytes]], list[tuple[str, bytes, bytes]]]
"""Fields as name and value; files as name, file name and contents."""


def body_of(*parts: bytes) -> bytes:
    return b"".join(b"--XyZ\r\n" + part + b"\r\n" for part in parts) + b"--XyZ--\r\n"


def with_decoy(head: bytes, value: bytes = DECOY) -> bytes:
    return body_of(MODEL, head + b"\r\n\r\n" + value, FILE)


def read_by_werkzeug(content_type: bytes, body: bytes) -> Reading:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type.decode("latin-1"),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    _, form, files = werkzeug.formparser.parse_form_data(
        environ, stream_factory=lambda *_, **__: io.BytesIO(), silent=False
    )
    return (
        [(name, value.encode("utf-8", "surrogateescape")) for name, value in form.items(multi=True)],
        [(name, (each.filename or "").encode(), each.read()) for name, each in files.items(multi=True)],
    )


def read_by_python_multipart(content_type: bytes, body: bytes) -> Reading:
    fields: list[tuple[str, bytes]] = []
    files: list[tuple[str, bytes, bytes]] = []

    def on_field(each: Any) -> None:
        fields.append((each.field_name.decode(), each.value or b""))

    def on_file(each: Any) -> None:
        each.file_object.seek(0)
        files.append((each.field_name.decode(), each.file_name, each.file_object.read()))
        each.close()

    python_multipart.parse_form(
        {"Content-Type": content_type, "Content-Length": str(len(body)).encode()},
        io.BytesIO(body),
        on_field,
        on_file,
    )
    return fields, files


ODD_HEADS = {
    "a decoy parameter": FORM_DATA + b'x-name="prompt"; name="model"',
    "a decoy parameter behind": FORM_DATA + b'name="prompt"; x-name="model"',
    "a decoy of the url": FORM_DATA + b'x-name="file"; name="url"',
    "two names": FORM_DATA + b'name="prompt"; name="model"',
    "an extended name": FORM_DATA + b"name*=utf-8''model",
    "a name and an extended name": FORM_DATA + b"name=\"prompt\"; name*=utf-8''model",
    "a name in sections": FORM_DATA + b'name*0="mo"; name*1="del"',
    "a quoted decoy": FORM_DATA + b'x=" name="; name="model"',
    "a name in another header": b'X-Other: form-data; name="prompt"\r\n' + FORM_DATA + b'name="model"',
    "a folded line": FORM_DATA + b'name="prompt";\r\n name="model"',
    "the disposition twice": FORM_DATA + b'name="prompt"\r\n' + FORM_DATA + b'name="model"',
    "an attachment": b'Content-Disposition: attachment; name="model"',
    "no disposition": b"Content-Type: text/plain",
    "a space before the colon": b'Content-Disposition : form-data; name="model"',
    "an escaped name": FORM_DATA + b'name="mo\\del"',
    "an escaped quote": FORM_DATA + b'name="prompt\\"; name=\\"model"',
    "no quotes": FORM_DATA + b"name=model",
    "another case": FORM_DATA + b'name="Model"',
    "a space in the name": FORM_DATA + b'name="model "',
    "a list of the name": FORM_DATA + b'name="model[]"',
    "a name that is not ASCII": FORM_DATA + 'name="m\u00f6del"'.encode(),
    "an empty name": FORM_DATA + b'name=""',
    "a field as a file": FORM_DATA + b'name="prompt"; filename="a"',
    "a field as an extended file": FORM_DATA + b"name=\"prompt\"; filename*=utf-8''a",
    "another file name's case": FORM_DATA + b'name="prompt"; FileName="a"',
    "a transfer encoding": FORM_DATA + b'name="prompt"\r\nContent-Transfer-Encoding: base64',
    "a charset": FORM_DATA + b'name="prompt"\r\nContent-Type: text/plain; charset=utf-16',
    "a nested form": FORM_DATA + b'name="prompt"\r\nContent-Type: multipart/mixed; boundary=in',
    "LF only": FORM_DATA + b'name="prompt"\nX: y',
    "CR only": FORM_DATA + b'name="prompt"\rX: y',
    "a NUL": FORM_DATA + b'name="prompt\x00"',
    "the model twice": FORM_DATA + b'name="model"',
}

ODD_BODIES = {
    "a preamble": b"x\r\n" + body_of(MODEL, FILE),
    "a line end first": b"\r\n" + body_of(MODEL, FILE),
    "a form in the preamble": body_of(MODEL, FILE) + body_of(MODEL, FILE),
    "an epilogue": body_of(MODEL, FILE) + b"x",
    "an epilogue that goes on": body_of(MODEL, FILE).removesuffix(b"\r\n") + b"x\r\n",
    "LF for CR LF": body_of(MODEL, FILE).replace(b"\r\n", b"\n"),
    "LF before a boundary": body_of(MODEL, FILE).replace(b"\r\n--XyZ\r", b"\n--XyZ\r"),
    "LF after a boundary": body_of(MODEL, FILE).replace(b"--XyZ\r\n", b"--XyZ\n"),
    "space after a boundary": body_of(MODEL, FILE).replace(b"--XyZ\r\n", b"--XyZ \r\n"),
    "space before the end": body_of(MODEL, FILE).replace(b"--XyZ--", b"--XyZ --"),
    "a longer boundary": body_of(MODEL + b"\r\n--XyZa", FILE),
    "a boundary within a line": body_of(MODEL + b"--XyZ\r\n", FILE),
    "a boundary in a head": body_of(FORM_DATA + b'name="prompt"\r\nContent-Type: --XyZ\r\n\r\n', MODEL, FILE),
    "no end": body_of(MODEL, FILE).removesuffix(b"--\r\n"),
    "half an end": body_of(MODEL, FILE).removesuffix(b"-\r\n"),
    "a file without its name": body_of(MODEL, FILE.replace(b'; filename="a.wav"', b"")),
    "a file with an empty name": body_of(MODEL, FILE.replace(b"a.wav", b"")),
    "an extended file name": body_of(MODEL, FILE.replace(b'name="a.wav"', b"name*=utf-8''a.wav")),
    "two file names": body_of(MODEL, FILE.replace(b'"a.wav"', b'"a.wav"; filename="b.wav"')),
    "an escape in the file name": body_of(MODEL, FILE.replace(b"a.wav", b'a\\"; name=\\"model')),
    "a file in a charset": body_of(MODEL, FILE.replace(b"audio/wav", b"audio/wav; charset=utf-7")),
}

ODD_TYPES = [
    b"multipart/form-data; boundary=Other; boundary=XyZ",
    b"multipart/form-data; boundary=XyZ; boundary=Other",
    b'multipart/form-data; boundary="Xy\\Z"',
    b'multipart/form-data; boundary="XyZ',
    b"multipart/form-data; boundary='XyZ'",
    b'multipart/form-data; x="boundary=Other"; boundary=XyZ',
    b"multipart/form-data; boundary*=utf-8''XyZ",
    b"multipart/form-data; boundary*0=Xy; boundary*1=Z",
    b"multipart/form-data; charset=utf-16; boundary=XyZ",
    b"multipart/form-data; boundary = XyZ",
    b"multipart/form-data; boundary=XyZ;",
    b"multipart/form-data, multipart/form-data; boundary=XyZ",
    b"multipart/mixed; boundary=XyZ",
    b"Multipart/Form-Data; boundary=XyZ",
]


@pytest.mark.parametrize("head", ODD_HEADS.values(), ids=ODD_HEADS.keys())
@pytest.mark.parametrize("behind", [True, False])
def test_a_part_that_parsers_read_differently_is_refused(
    bench: Callable[..., Any], head: bytes, behind: bool
) -> None:
    """Before or after the model that the key may use: 400, and nothing reaches the upstream."""
    odd = head + b"\r\n\r\n" + DECOY
    made = bench()
    body = body_of(MODEL, odd, FILE) if behind else body_of(odd, MODEL, FILE)
    answer = made.post("audio/transcriptions", body, {"content-type": CONTENT_TYPE.decode()})
    assert (answer.status, sum(made.echo.calls.values())) == (400, 0)


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_a_body_that_parsers_read_differently_is_refused(bench: Callable[..., Any], body: bytes) -> None:
    """Whatever stands around the parts, or in the place of a line end: 400, and nothing goes out."""
    made = bench()
    answer = made.post("audio/transcriptions", body, {"content-type": CONTENT_TYPE.decode()})
    assert (answer.status, sum(made.echo.calls.values())) == (400, 0)


@pytest.mark.parametrize("content_type", ODD_TYPES)
def test_a_boundary_that_parsers_read_differently_is_refused(content_type: bytes) -> None:
    """One boundary, plainly written, is all that a content-type may say."""
    with pytest.raises(Refusal) as caught:
        read_form(content_type, body_of(MODEL, FILE))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("content_type", "file"),
    [
        (CONTENT_TYPE, FILE),
        (b'multipart/form-data; boundary="XyZ"', FILE),
        (b"multipart/form-data;boundary=XyZ", FILE),
        (CONTENT_TYPE, FILE.replace(b"a.wav", "gr\u00fc\u00dfe 1.wav".encode())),
        (CONTENT_TYPE, FILE.replace(b"audio/wav", b"audio/webm;codecs=opus")),
        (CONTENT_TYPE, FILE.replace(b"Content-Type: audio/wav\r\n", b"")),
        (CONTENT_TYPE, FILE.replace(b"Content-", b"content-")),
    ],
)
def test_what_clients_send_is_read_alike(content_type: bytes, file: bytes) -> None:
    """The spellings of browsers, curl, Go and Python clients pass, and all read the same."""
    body = body_of(MODEL, file)
    form = read_form(content_type, body)
    assert form.fields == {"model": ALLOWED.decode()}
    fields, files = read_by_werkzeug(content_type, body)
    assert (fields, files) == read_by_python_multipart(content_type, body)
    assert (fields, len(files[0][2])) == ([("model", ALLOWED)], form.file_bytes)


ODD_PIECES = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b";",
        b"; ",
        b'"',
        b"\\",
        b"=",
        b":",
        b"-",
        b"--",
        b"\x00",
        b"\xff",
    ),
    *(
        b"--XyZ",
        b"--XyZ--",
        b"--XyZ\r\n",
        b"\r\n--XyZ--\r\n",
        b"--xyz",
        b"\r\n\r\n",
        b"Content-Disposition: ",
    ),
    *(
        b"form-data",
        b'name="model"',
        b'; name="url"',
        b"; name*=utf-8''model",
        b'x-name="model"; ',
        b"name=model",
    ),
    *(
        b'; filename="b"',
        b"; filename*=utf-8''b",
        b"filename=",
        b"Content-Type: text/plain",
        b"; charset=utf-16",
    ),
    *(
        b"Content-Transfer-Encoding: base64\r\n",
        b"multipart/mixed; boundary=in",
        b"model",
        b"Model",
        b"[]",
        b"*0",
    ),
]
PLAIN_PIECES = [
    *(
        b"--XyZ",
        b"\r\n",
        b"Content-Disposition",
        b": ",
        b"form-data",
        b"; ",
        b'name="',
        b"model",
        b'"',
        b"\r\n",
    ),
    *(
        b"\r\n",
        ALLOWED,
        b"\r\n",
        b"--XyZ",
        b"\r\n",
        b"Content-Disposition",
        b": ",
        b"form-data",
        b"; ",
        b"name",
    ),
    *(
        b'="',
        b"prompt",
        b'"',
        b"\r\n",
        b"\r\n",
        b"some text",
        b"\r\n",
        b"--XyZ",
        b"\r\n",
        b"Content-Disposition: ",
    ),
    *(
        b"form-data",
        b"; ",
        b'name="file"',
        b"; ",
        b'filename="',
        b"a.wav",
        b'"',
        b"\r\n",
        b"Content-Type",
        b": ",
    ),
    *(b"audio/wav", b"\r\n", b"\r\n", b"RIFF\x00\xff", b"\r\n", b"--XyZ", b"--", b"\r\n"),
]


@st.composite
def near_misses(draw: st.DrawFn) -> bytes:
    """A good form with a few of its pieces left out, doubled, replaced or put beside odd ones."""
    pieces = list(PLAIN_PIECES)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(pieces) - 1))
        length = draw(st.integers(0, 2))
        new = draw(st.lists(st.sampled_from(ODD_PIECES) | st.sampled_from(PLAIN_PIECES), max_size=2))
        pieces[at : at + length] = new
    return b"".join(pieces)


@settings(max_examples=1_000, deadline=None)
@given(
    body=near_misses(), boundary=st.sampled_from([b"XyZ", b'"XyZ"', b"XyZ ", b"XyZ; boundary=a", b'"Xy Z"'])
)
def test_other_parsers_read_what_is_accepted_alike(body: bytes, boundary: bytes) -> None:
    """Whenever a form is accepted, two other parsers find the same fields, values and file in it."""
    content_type = b"multipart/form-data; boundary=" + boundary
    try:
        form = read_form(content_type, body)
    except Refusal:
        return
    try:
        readings = [read_by_werkzeug(content_type, body), read_by_python_multipart(content_type, body)]
    except (ValueError, FormParserError) as failure:
        raise AssertionError(f"accepted what another parser refuses: {failure}") from failure
    assert readings[0] == readings[1]
    fields, files = readings[0]
    named = [(name, value.decode()) for name, value in fields if not name.endswith("[]")]
    assert dict(named) == {name: value for name, value in form.fields.items() if not name.endswith("[]")}
    assert len(named) == len(dict(named))
    assert sum(len(contents) for _, _, contents in files) == form.file_bytes
    assert [name for name, _, _ in files] == ["file"] * form.file_seen
