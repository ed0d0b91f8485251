"""The gateway as reports ask it, through the admin API, with progress on stderr while a person watches."""

from collections.abc import Iterable, Sequence
from datetime import date

from pulumi_groq.admin import AdminClient
from pulumi_groq.cli.progress import Reading
from pulumi_groq.errors import InsufficientRoleError, NotFoundError
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.history import Change, DenialBucket, DenialGroup, UsageBucket, UsageGroup
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.usage import Usage
from pulumi_groq.reports.page import EVERYTHING, Shown


class ClientSource:
    """Implements `reports.page.PageSource`. What the admin key's role may not read is left empty, except for
    usage itself.
    """

    def __init__(self, client: AdminClient, progress: Reading) -> None:
        self._client = client
        self._progress = progress
        self._refused: set[str] = set()

    @property
    def shown(self) -> Shown:
        """All that has been asked for and was not refused."""
        return EVERYTHING._replace(**dict.fromkeys(self._refused, False))

    def usage(self) -> Usage:
        """Today and this month, by key."""
        return self._progress.once("sums of usage", self._client.usage)

    def keys(self) -> Iterable[ApiKey]:
        """Every live key."""
        try:
            yield from self._progress.counted("keys", self._client.list_keys())
        except InsufficientRoleError:
            self._refused.add("keys")

    def policy(self) -> SpendPolicy | None:
        """The spending policy, if one is set."""
        try:
            return self._client.get_spend_policy()
        except NotFoundError:
            return None
        except InsufficientRoleError:
            self._refused.add("spending")
            return None

    def usage_buckets(
        self, *, since: date, until: date, group_by: Sequence[UsageGroup], key_id: str | None = None
    ) -> Iterable[UsageBucket]:
        """Usage of the UTC days `since` to `until`, both included."""
        found = self._client.usage_buckets(since=since, until=until, group_by=group_by, key_id=key_id)
        return self._progress.counted("rows of usage", found)

    def denials(self, *, since: date, until: date, group_by: Sequence[DenialGroup]) -> Iterable[DenialBucket]:
        """Refused requests of the UTC days `since` to `until`, both included."""
        found = self._client.denials(since=since, until=until, group_by=group_by)
        return self._progress.counted("rows of denials", found)

    def consumers(self, key_id: str) -> Sequence[Consumer]:
        """Who used a key, the one seen last first; empty where the key is gone."""
        try:
            return self._client.consumers(key_id).data
        except (NotFoundError, InsufficientRoleError):
            return []

    def changes(self, limit: int) -> Sequence[Change]:
        """The last changes, newest first."""
        try:
            return self._client.changes(limit)
        except InsufficientRoleError:
            self._refused.add("changes")
            return []
