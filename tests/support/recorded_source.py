"""The answers of a real gateway, written down once and played back."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.fields import WireModel
from pulumi_groq.models.history import Change, DenialBucket, UsageBucket
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.usage import Usage
from pulumi_groq.reports.page import EVERYTHING, Shown
from pulumi_groq.reports.usage.source import FactSource

Held = TypeVar("Held", bound=BaseModel)


class RecordedSource:
    """Implements `reports.usage.source.FactSource` from a recording; asking for what is not in it fails."""

    shown: Shown = EVERYTHING

    def __init__(self, recording: dict[str, Any]) -> None:
        self._recording = recording

    @classmethod
    def read(cls, file: Path) -> "RecordedSource":
        return cls(json.loads(file.read_text(encoding="utf-8")))

    def usage(self) -> Usage:
        return _model(Usage, self._recording["usage"])

    def keys(self) -> list[ApiKey]:
        return [_model(ApiKey, each) for each in self._recording["keys"]]

    def policy(self) -> SpendPolicy | None:
        held = self._recording["policy"]
        return None if held is None else _model(SpendPolicy, held)

    def usage_buckets(
        self, *, since: date, until: date, group_by: Sequence[str], key_id: str | None = None
    ) -> list[UsageBucket]:
        question = _question(since, until, group_by, key_id)
        return [_model(UsageBucket, each) for each in self._recording["usage_buckets"][question]]

    def denials(self, *, since: date, until: date, group_by: Sequence[str]) -> list[DenialBucket]:
        question = _question(since, until, group_by, None)
        return [_model(DenialBucket, each) for each in self._recording["denials"][question]]

    def consumers(self, key_id: str) -> list[Consumer]:
        return [_model(Consumer, each) for each in self._recording["consumers"][key_id]]

    def changes(self, limit: int) -> list[Change]:
        return [_model(Change, each) for each in self._recording["changes"][:limit]]


class RecordingSource:
    """Passes questions on, and writes the answers down in `recording`."""

    shown: Shown = EVERYTHING

    def __init__(self, source: FactSource) -> None:
        self._source = source
        self.recording: dict[str, Any] = {"usage_buckets": {}, "denials": {}, "consumers": {}}

    def usage(self) -> Usage:
        answer = self._source.usage()
        self.recording["usage"] = answer.model_dump(mode="json")
        return answer

    def keys(self) -> list[ApiKey]:
        answer = list(self._source.keys())
        self.recording["keys"] = _dumped(answer)
        return answer

    def policy(self) -> SpendPolicy | None:
        answer = self._source.policy()
        self.recording["policy"] = None if answer is None else answer.model_dump(mode="json")
        return answer

    def usage_buckets(
        self, *, since: date, until: date, group_by: Sequence[Any], key_id: str | None = None
    ) -> list[UsageBucket]:
        answer = list(self._source.usage_buckets(since=since, until=until, group_by=group_by, key_id=key_id))
        self.recording["usage_buckets"][_question(since, until, group_by, key_id)] = _dumped(answer)
        return answer

    def denials(self, *, since: date, until: date, group_by: Sequence[Any]) -> list[DenialBucket]:
        answer = list(self._source.denials(since=since, until=until, group_by=group_by))
        self.recording["denials"][_question(since, until, group_by, None)] = _dumped(answer)
        return answer

    def consumers(self, key_id: str) -> list[Consumer]:
        answer = list(self._source.consumers(key_id))
        self.recording["consumers"][key_id] = _dumped(answer)
        return answer

    def changes(self, limit: int) -> list[Change]:
        answer = list(self._source.changes(limit))
        self.recording["changes"] = _dumped(answer)
        return answer


def _question(since: date, until: date, group_by: Sequence[str], key_id: str | None) -> str:
    return " ".join([since.isoformat(), until.isoformat(), ",".join(group_by), key_id or ""]).rstrip()


def _model(kind: type[Held], held: Any) -> Held:
    return kind.model_validate_json(json.dumps(held))


def _dumped(models: Iterable[WireModel]) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json", exclude_none=False) for each in models]
