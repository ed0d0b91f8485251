"""How long tests wait for an answer on a machine that is busy."""

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
CALLS = {"Client", "AsyncClient", "request", "stream", "get", "post", "put", "patch", "delete"}


def test_every_call_over_httpx_says_how_long_it_waits() -> None:
    """httpx's own 5 s are what a machine under load may need; where no socket is, nothing is waited for."""
    hasty = [
        f"{file.relative_to(TESTS)}:{call.lineno}"
        for file in sorted(TESTS.rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "httpx"
        and call.func.attr in CALLS
        and not {"timeout", "transport"} & {each.arg for each in call.keywords}
    ]
    assert hasty == []
