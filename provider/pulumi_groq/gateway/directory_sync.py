"""Keeps the directories in memory true to the store: filled at the start, then kept up to date.

The log of changes says what to read anew: each change is in it, in the order of the commits. So a gateway
that has seen the log up to an entry knows everything that was changed until then.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory
from pulumi_groq.gateway.admin.changes import Changes
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.store.admin_keys import admin_key_last_uses, all_admin_keys
from pulumi_groq.gateway.store.change_log import ChangedObject, LogEnd, log_end, objects_changed_after
from pulumi_groq.gateway.store.identities import all_identities, identity_by_id
from pulumi_groq.gateway.store.keys import all_keys, find_key
from pulumi_groq.gateway.store.policies import find_policy
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.gateway.store.teams import all_teams, find_team


class Directories(NamedTuple):
    """All that is in force: keys, teams and policy, admin keys, workload identities."""

    access: LiveDirectory
    admin_keys: AdminKeyDirectory
    identities: IdentityDirectory


class DirectorySync:
    """Fills the directories and reads on. Its methods wait for the store: call none on the event loop, and
    one at a time. They raise `StoreUnavailableError`.
    """

    def __init__(self, store: Store, changes: Changes, directories: Directories) -> None:
        self._store = store
        self._changes = changes
        self._directories = directories
        self._end = LogEnd(0, "")

    @property
    def seen(self) -> int:
        """The id of the last change that is in force here."""
        return self._end.id

    def load(self) -> None:
        """Fill empty directories. Raises `StoreDamagedError` for a value that cannot be read."""
        access, admin_keys, identities = self._directories
        with self._store.read_soundly() as connection:
            self._end = log_end(connection)
            access.load(all_teams(connection), all_keys(connection), find_policy(connection))
            admin_keys.load(all_admin_keys(connection), admin_key_last_uses(connection))
            identities.load(all_identities(connection))

    def catch_up(
        self, besides: Callable[[Connection], None] = lambda _: None
    ) -> Sequence[ChangedObject] | None:
        """Put in force what was changed since; gives what that was, `None` for everything. `besides` reads
        something else in the same transaction.

        No change of this gateway's own comes in between: it would be overtaken by what was read before.
        """
        with self._changes.paused(), self._store.read() as connection:
            besides(connection)
            end = log_end(connection)
            if end == self._end:
                return []
            changed = objects_changed_after(connection, self._end)
            self._apply(connection, self._everything(connection) if changed is None else changed)
            self._end = end
            return changed

    def _apply(self, connection: Connection, changed: Sequence[ChangedObject]) -> None:
        """Each as it is now, however often it was changed; again from the start after a failure. Teams come
        before whoever is in them, and go after.
        """
        access = self._directories.access
        teams = {each.name: find_team(connection, each.name) for each in changed if each.kind == "team"}
        for team in teams.values():
            if team is not None:
                access.put_team(team)
        if any(each.kind == "admin_key" for each in changed):
            self._directories.admin_keys.load(all_admin_keys(connection), admin_key_last_uses(connection))
        for each in changed:
            self._apply_one(connection, each)
        for name, team in teams.items():
            if team is None:
                access.drop_team(name)

    def _apply_one(self, connection: Connection, changed: ChangedObject) -> None:
        access, _, identities = self._directories
        object_id = changed.object_id
        if changed.kind == "api_key":
            key = find_key(connection, object_id)
            if key is None:
                access.drop_key_of(object_id)
            else:
                access.put_key(key)
        elif changed.kind == "spend_policy":
            access.put_policy(find_policy(connection))
        elif changed.kind == "workload_identity":
            identity = identity_by_id(connection, object_id)
            if identity is None:
                identities.drop(object_id)
            else:
                identities.put(identity)

    def _everything(self, connection: Connection) -> Sequence[ChangedObject]:
        """What is here or in the store."""
        access, admin_keys, identities = self._directories
        teams = {*access.team_names, *(team.name for team in all_teams(connection))}
        here = set(access.key_ids) - {each.id for each in identities.all()}
        keys = here | {key.id for key in all_keys(connection)}
        admins = {*admin_keys.ids, *(key.id for key in all_admin_keys(connection))}
        trusted = {each.id for each in (*identities.all(), *all_identities(connection))}
        return [
            ChangedObject("spend_policy", "spend_policy", ""),
            *(ChangedObject("team", name, name) for name in teams),
            *(ChangedObject("api_key", key_id, "") for key_id in keys),
            *(ChangedObject("admin_key", key_id, "") for key_id in admins),
            *(ChangedObject("workload_identity", identity_id, "") for identity_id in trusted),
        ]
