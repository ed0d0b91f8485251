"""A gateway that follows another one's changes has the same in force, whenever it looks."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from admin_plane import DEFAULTS, Api
from fake_clock import FakeClock
from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory
from pulumi_groq.gateway.admin.changes import Changes
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.directory_sync import Directories, DirectorySync
from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.store.change_log import changes as log
from pulumi_groq.gateway.store.keys import all_keys
from pulumi_groq.gateway.store.schema import api_keys

MODELS = ["openai/gpt-oss-20b", "llama-3.1-8b-instant"]


class Follower:
    """Another gateway's directories on the same store."""

    def __init__(self, api: Api) -> None:
        access = LiveDirectory(DEFAULTS)
        self.directories = Directories(access, AdminKeyDirectory(FakeClock()), IdentityDirectory(access))
        self.sync = DirectorySync(api.store, Changes(api.store), self.directories)
        self.sync.load()

    def in_force(self, api: Api) -> dict[str, Any]:
        """All that decides, by names."""
        access = self.directories.access
        with api.store.read() as connection:
            hashes = {key.id: key.key_hash for key in all_keys(connection)}
        return {
            "keys": {key_id: access.find(key_hash) for key_id, key_hash in hashes.items()},
            "ids": set(access.key_ids),
            "teams": set(access.team_names),
            "policy": access.organisation,
            "admin keys": set(self.directories.admin_keys.ids),
        }


def create_team(api: Api, number: int) -> None:
    api.call("PUT", f"/teams/t{number % 2}", json={"allowed_models": MODELS[: 1 + number % 2]})


def delete_team(api: Api, number: int) -> None:
    api.call("DELETE", f"/teams/t{number % 2}")


def create_key(api: Api, number: int) -> None:
    team = {"team": f"t{number % 2}"} if number % 3 else {}
    api.create(name=f"k{number}", allowed_models=[MODELS[0]], **team)


def some_key(api: Api, number: int) -> str | None:
    with api.store.read() as connection:
        ids = [key.id for key in all_keys(connection)]
    return ids[number % len(ids)] if ids else None


def change_key(api: Api, number: int) -> None:
    key_id = some_key(api, number)
    if key_id is not None:
        api.patch(key_id, requests_per_minute=1 + number, disabled=bool(number % 2))


def delete_key(api: Api, number: int) -> None:
    key_id = some_key(api, number)
    if key_id is not None:
        api.delete(f"/api-keys/{key_id}")


def set_policy(api: Api, number: int) -> None:
    api.call("PUT", "/spend-policy", json={"monthly_cap_usd": 1 + number})


def delete_policy(api: Api, _number: int) -> None:
    api.call("DELETE", "/spend-policy")


def create_admin_key(api: Api, number: int) -> None:
    api.call("POST", "/admin-keys", json={"name": f"a{number}", "role": "viewer"})


STEPS = [
    create_team,
    delete_team,
    create_key,
    create_key,
    change_key,
    delete_key,
    set_policy,
    delete_policy,
    create_admin_key,
]
Steps = list[tuple[Callable[[Api, int], None], int, bool]]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.booleans()), max_size=12))
def test_whoever_follows_ends_where_a_new_start_would(api: Api, steps: Steps) -> None:
    """It looks after some of the steps, and at the end."""
    follower = Follower(api)
    for step, number, looks in steps:
        step(api, number)
        if looks:
            follower.sync.catch_up()
    follower.sync.catch_up()
    event(f"{len(follower.in_force(api)['keys'])} keys")
    assert follower.in_force(api) == Follower(api).in_force(api)
    assert follower.sync.catch_up() == []


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_follower_that_was_away_for_long_reads_everything(api: Api, *, forgotten: bool) -> None:
    """Where the log does not reach back to what it has seen: keys that are gone are gone here, too."""
    team = {"team": "t1"}
    create_team(api, 1)
    gone = api.created(name="gone", allowed_models=[MODELS[0]], **team)
    follower = Follower(api)
    api.delete(f"/api-keys/{gone['id']}")
    delete_team(api, 1)
    set_policy(api, 3)
    if forgotten:
        with api.store.write() as connection:
            connection.execute(log.delete().where(log.c.id <= follower.sync.seen + 1))
    changed = follower.sync.catch_up()
    assert (changed is None) is forgotten
    assert follower.in_force(api) == Follower(api).in_force(api)
    assert not follower.in_force(api)["ids"]


@pytest.mark.parametrize("went_on", [False, True])
def test_a_change_that_the_store_has_lost_is_taken_back(api: Api, *, went_on: bool) -> None:
    """As after a failover to a copy that lagged: also where that has gone on, and gave the number of the lost
    change to another one.
    """
    set_policy(api, 1)
    lost = api.created(name="lost", allowed_models=[MODELS[0]])
    follower = Follower(api)
    with api.store.write() as connection:
        connection.execute(log.delete().where(log.c.object_id == lost["id"]))
        connection.execute(api_keys.delete().where(api_keys.c.id == lost["id"]))
    if went_on:
        delete_policy(api, 1)
        with api.store.write() as connection:
            connection.execute(
                log.update().where(log.c.id > follower.sync.seen).values(id=follower.sync.seen)
            )
    assert follower.sync.catch_up() is None
    assert follower.in_force(api) == Follower(api).in_force(api)
    assert not follower.in_force(api)["ids"]
    assert follower.sync.catch_up() == []
