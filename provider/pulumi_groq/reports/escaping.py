"""Makes foreign text harmless in each format: a name is shown as it is and does nothing."""

import re
from typing import Final

from pulumi_groq.models.visibility import is_visible

LONGEST_SHOWN: Final = 400
LONGEST_PROSE: Final = 2_000

_PLAIN_CODE: Final = re.compile(r"[A-Za-z0-9._/:+=,-]+(?: [A-Za-z0-9._/:+=,-]+)*")
_PUNCTUATION: Final = re.compile(r"[^A-Za-z0-9 \x80-\U0010ffff]")
_UNSAFE_IN_PROSE: Final = re.compile(
    r"""(?![,;'"()%/+?-]|[.:](?:\ |$)|(?<=\d)[.:](?=\d)|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9]))"""
    r"""[^A-Za-z0-9 \x80-\U0010ffff]"""
)
_REFERENCES: Final = re.compile(r"([@#])(?=\w)")
_WORD_JOINER: Final = "\u2060"


def visible(text: str, longest: int = LONGEST_SHOWN) -> str:
    """`text` on one line, bounded, with control and other characters that nobody sees written as escapes."""
    shortened = text if len(text) <= longest else f"{text[: longest - 1]}…"
    if is_visible(shortened):
        return shortened
    return "".join(
        each if is_visible(each) else each.encode("unicode_escape").decode("ascii") for each in shortened
    )


def code(text: str) -> str:
    """`text` as Markdown code: it cannot become markup, a link, a mention or a table cell."""
    shown = visible(text)
    if _PLAIN_CODE.fullmatch(shown):
        return f"`{shown}`"
    return f"<code>{_PUNCTUATION.sub(_entity, shown)}</code>" if shown.strip() else "<code>&nbsp;</code>"


def prose(text: str, longest: int = LONGEST_PROSE) -> str:
    """`text` as a Markdown sentence: punctuation that could be markup is written as entities.

    GitHub looks for @mentions and #references in the rendered text, where escapes have no effect, so an
    invisible word joiner separates the sign from the name.
    """
    return _UNSAFE_IN_PROSE.sub(_entity, _REFERENCES.sub(rf"\1{_WORD_JOINER}", visible(text, longest)))


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found.group())};"


def sarif_text(text: str, longest: int = LONGEST_SHOWN) -> str:
    """`text` for a SARIF message, where brackets make links and braces stand for arguments."""
    escaped = re.sub(r"([\\\[\]])", r"\\\1", visible(text, longest))
    return escaped.replace("{", "{{").replace("}", "}}")


def workflow_data(text: str, longest: int = LONGEST_SHOWN) -> str:
    """`text` as the message of a GitHub workflow command."""
    return visible(text, longest).replace("%", "%25")


def workflow_property(text: str) -> str:
    """`text` as a property of a GitHub workflow command."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")
