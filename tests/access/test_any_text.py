"""Any text at all is an Access or an AccessFileError."""

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulumi_groq.access import Access, read_access
from pulumi_groq.errors import AccessFileError

_WORDS = [
    "teams",
    "keys",
    "spend_policy",
    "allowed_models",
    "requests_per_minute",
    "monthly_cap_usd",
    "admin_keys",
    "role",
    "workload_identities",
    "claims",
    "a",
]
_MARKS = [":", ": ", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", "&a", "*a", "<<", "!!int", "---", "\t"]
_TRAPS = [
    "1_000",
    "0o17",
    "1e999",
    "9" * 5000,
    "yes",
    "2026-12-31",
    "'",
    '"',
    "|",
    "#",
    "\x00",
    "\u2028",
    "%",
]
_PIECES = st.sampled_from([*_WORDS, *_MARKS, *_TRAPS])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes()
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_WORDS) | st.text(), inner),
    max_leaves=12,
)

# Speed is not the fact under test, and the machine may be busy.
_unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _reads_or_refuses(content: bytes) -> None:
    try:
        access = read_access(content, "access.yaml")
    except AccessFileError as error:
        lines = str(error).split("\n")
        assert all(line.startswith("access.yaml:") and line.isprintable() for line in lines)
    else:
        assert isinstance(access, Access)


@_unhurried
@given(st.binary())
def test_any_bytes(content: bytes) -> None:
    """Bytes of any kind read, or are refused in printable lines."""
    _reads_or_refuses(content)


@_unhurried
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_any_mixture_of_yaml(text: str) -> None:
    """Pieces of YAML and of access files in any order read, or are refused in printable lines."""
    _reads_or_refuses(text.encode())


@_unhurried
@given(st.dictionaries(st.sampled_from(_WORDS), _TREES))
def test_any_tree(tree: dict[str, object]) -> None:
    """Valid YAML of any shape reads, or is refused in printable lines."""
    _reads_or_refuses(yaml.safe_dump(tree, allow_unicode=True).encode())
