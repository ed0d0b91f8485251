"""The engine's property bags: protobuf structs to plain values and back, with unknowns and secrets.

Signatures and sentinels are those of Pulumi's SDK (`sdk/go/common/resource/properties.go` and
`sdk/go/common/resource/plugin/rpc.go`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value

from pulumi_groq.lifecycle.properties import UNKNOWN

Path = tuple[str, ...]
"""The names that lead to a value. A path ends at a list: what is secret in one makes all of it secret."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a signature)
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

SENTINELS: Final = (
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # text, or anything
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
    "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
    "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # a mapping
)
"""How the engine writes a value that is known only after the run."""

_ANYTHING: Final = SENTINELS[2]


@dataclass(frozen=True, slots=True)
class Received:
    """Properties in plain values, unknown ones as `UNKNOWN`, and the paths of what came as a secret."""

    values: dict[str, Any]
    secrets: frozenset[Path]


def received(struct: Struct) -> Received:
    """`struct` in plain values."""
    secrets: set[Path] = set()
    values = {name: _plain(value, (name,), secrets) for name, value in struct.fields.items()}
    return Received(values, frozenset(secrets))


def _plain(value: Value, path: Path, secrets: set[Path]) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _plain_struct(value.struct_value, path, secrets)
        case "list_value":
            return _plain_list(value.list_value, path, secrets)
        case "string_value":
            return UNKNOWN if value.string_value in SENTINELS else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _plain_struct(struct: Struct, path: Path, secrets: set[Path]) -> Any:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature not in {SECRET, OUTPUT}:
        return {name: _plain(item, (*path, name), secrets) for name, item in fields.items()}
    if signature == SECRET or fields["secret"].bool_value:
        secrets.add(path)
    return _plain(fields["value"], path, secrets) if "value" in fields else UNKNOWN


def _plain_list(items: ListValue, path: Path, secrets: set[Path]) -> list[Any]:
    inside: set[Path] = set()
    plain = [_plain(item, path, inside) for item in items.values]
    if inside:
        secrets.add(path)
    return plain


def sent(values: Mapping[str, Any], secrets: Collection[Path] = ()) -> Struct:
    """`values` as the engine reads them, what `secrets` lead to marked as secret."""
    return Struct(fields=dict(_fields(values, (), frozenset(secrets))))


def _fields(values: Mapping[str, Any], path: Path, secrets: frozenset[Path]) -> Iterator[tuple[str, Value]]:
    for name, value in values.items():
        yield name, _value(value, (*path, name), secrets)


def _value(value: Any, path: Path, secrets: frozenset[Path]) -> Value:
    if path in secrets:
        marked = {SIGNATURE: Value(string_value=SECRET), "value": _value(value, path, secrets - {path})}
        return Value(struct_value=Struct(fields=marked))
    if isinstance(value, Mapping):
        return Value(struct_value=Struct(fields=dict(_fields(value, path, secrets))))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return Value(list_value=ListValue(values=[_value(item, path, secrets) for item in value]))
    return Value(**_scalar(value))


def _scalar(value: Any) -> dict[str, Any]:
    if value is UNKNOWN:
        return {"string_value": _ANYTHING}
    if value is None:
        return {"null_value": NullValue.NULL_VALUE}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int | float):
        return {"number_value": value}
    if isinstance(value, str):
        return {"string_value": value}
    raise TypeError(f"{type(value).__name__} has no place on the wire")
