"""Who uses the old value of a key and who the new one, so that one knows whom to call."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.fields import wire_time
from pulumi_groq.reports.rotation.status import RotationStatus


@dataclass(frozen=True, slots=True)
class KeyConsumers:
    """The consumers of one key, the one seen last first; `value` is which of its lineage's values it has."""

    name: str
    key_id: str
    last_four: str
    value: Literal["old", "new"]
    consumers: tuple[Consumer, ...]


def key_consumers(
    status: RotationStatus, consumers_of: Callable[[str], Sequence[Consumer]]
) -> Iterator[KeyConsumers]:
    """Of every API key of the stack that the gateway has, predecessors first; asked on demand."""
    for key in status.keys:
        if key.kind == "admin_key":
            continue  # the audit trail says what was changed with one, from where
        held: tuple[tuple[ApiKey | AdminKey | None, Literal["old", "new"]], ...] = (
            (key.previous, "old"),
            (key.live, "new"),
        )
        for each, value in held:
            if each is not None:
                consumers = tuple(consumers_of(each.id))
                yield KeyConsumers(key.name, each.id, each.last_four, value, consumers)


def not_moved(old: Sequence[Consumer], new: Sequence[Consumer]) -> list[Consumer]:
    """Those of the old value that were not seen with the new one since."""
    moved = {(who.address, who.user_agent): who.last_used_at for who in new}
    return [
        who
        for who in old
        if (who.address, who.user_agent) not in moved or moved[who.address, who.user_agent] < who.last_used_at
    ]


def late_consumers(found: Sequence[KeyConsumers]) -> int:
    """How many have not moved from an old value to the new one of the same key."""
    new = {each.name: each.consumers for each in found if each.value == "new"}
    return sum(
        len(not_moved(each.consumers, new.get(each.name, ()))) for each in found if each.value == "old"
    )


def consumers_json(found: Sequence[KeyConsumers]) -> list[dict[str, Any]]:
    """As JSON has them; times as the admin API writes them."""
    return [
        {
            "name": each.name,
            "key_id": each.key_id,
            "last_four": each.last_four,
            "value": each.value,
            "consumers": [
                {
                    "address": who.address,
                    "user_agent": who.user_agent,
                    "last_used_at": wire_time(who.last_used_at),
                }
                for who in each.consumers
            ],
        }
        for each in found
    ]
