"""What pydantic found wrong with a value, in words that say what it has to be."""

import re
from typing import Final

from pydantic_core import ErrorDetails

_BY_TYPE: Final = {
    "missing": "is required",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
    "model_attributes_type": "must be a mapping of names to values",
    "timezone_aware": "must say its zone, as in 2026-12-31T00:00:00Z",
    "datetime_type": "must be a time such as 2026-12-31T00:00:00Z",
}
_OPENING: Final = re.compile(r"^\w+ should")
_CLOSING: Final = re.compile(r" after validation, not \d+$")
_MODEL_ID: Final = "must be a model's id such as openai/gpt-oss-20b: letters, digits and . _ : / -"

_TOOL: Final = (
    "must be a tool such as browser_search, or mcp: and a host such as mcp:docs.example.com, in lower case"
)


def requirement(error: ErrorDetails) -> str:
    """One problem that pydantic found, as `must be ...` or `is ...`, without the value at fault."""
    if "allowed_models" in error["loc"] and error["type"] == "string_pattern_mismatch":
        return _MODEL_ID
    if "allowed_tools" in error["loc"] and error["type"] == "string_pattern_mismatch":
        return _TOOL
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _BY_TYPE.get(error["type"]) or _OPENING.sub("must", _CLOSING.sub("", error["msg"]))
