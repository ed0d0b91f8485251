"""What a key may let the upstream do or read beyond the request's own body: the names of permissions.

Function and custom tools, which the caller runs itself, need none. The permissions are: a built-in tool of
the upstream's, by the name that Groq's API gives it; `mcp:HOST` for remote MCP servers on one host; and one
for each way of naming content that the body does not hold.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from pulumi_groq.models.fields import unique

MCP: Final = "mcp:"
STORED_RESPONSES: Final = "stored_responses"
IMAGE_URLS: Final = "image_urls"
FILE_URLS: Final = "file_urls"
FILE_IDS: Final = "file_ids"
INLINE_FILES: Final = "inline_files"

CONTENT: Final = frozenset({STORED_RESPONSES, IMAGE_URLS, FILE_URLS, FILE_IDS, INLINE_FILES})
"""Permissions to read content: what is read is charged as tokens, so they have no price of their own."""

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST: Final = rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
"""A host's name in lower case and ASCII, with a dot in it: no local name, no IP address, no final dot."""

ToolPermission = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=rf"^(?:[a-z][a-z0-9_]*|mcp:{HOST})$")
]
"""A permission such as `browser_search` or `mcp:docs.example.com`."""

AllowedTools = Annotated[list[ToolPermission], Field(max_length=100), AfterValidator(unique)]
"""Up to 100 permissions without repeats; their order means nothing, and none is the default."""


def is_built_in(permission: str) -> bool:
    """Whether it permits one of the upstream's own tools, which have a price per use."""
    return permission not in CONTENT and not permission.startswith(MCP)
