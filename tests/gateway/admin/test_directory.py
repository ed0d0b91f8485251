"""What is in force is what is stored: the same after any changes as after a restart."""

import hashlib
from random import Random
from typing import Any

from admin_plane import Api
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.store.keys import all_keys
from pulumi_groq.gateway.store.policies import find_policy
from pulumi_groq.gateway.store.teams import all_teams
from pulumi_groq.policy.access import Limits

MODELS = ["llama-3.1-8b-instant", "llama-3.3-70b-versatile", "gemma2-9b-it", "openai/gpt-oss-20b"]
TOOLS = ["image_urls", "stored_responses", "mcp:a.example", "mcp:b.example"]
TEAMS = ["chatbot", "research"]


def restarted(api: Api) -> LiveDirectory:
    directory = LiveDirectory(Limits(requests_per_minute=1_000, tokens_per_minute=250_000))
    with api.store.read() as connection:
        directory.load(all_teams(connection), all_keys(connection), find_policy(connection))
    return directory


class Operator:
    """Changes teams, keys and the policy at random."""

    def __init__(self, api: Api, random: Random) -> None:
        self._api = api
        self._random = random
        self.hashes: list[bytes] = []
        self.live: list[str] = []

    def models(self) -> list[str]:
        return self._random.sample(MODELS, self._random.randint(1, 4))

    def tools(self) -> list[str]:
        return self._random.sample(TOOLS, self._random.randint(0, 4))

    def put_team(self) -> None:
        body = {"allowed_models": self.models(), "allowed_tools": self.tools()}
        self._api.call("PUT", f"/teams/{self._random.choice(TEAMS)}", json=body)

    def delete_team(self) -> None:
        self._api.delete(f"/teams/{self._random.choice(TEAMS)}")

    def add_key(self) -> None:
        team = self._random.choice([None, *TEAMS])
        answer = self._api.create(allowed_models=self.models(), allowed_tools=self.tools(), team=team)
        if answer.is_success:
            self.live.append(answer.json()["id"])
            self.hashes.append(hashlib.sha256(answer.json()["api_key"].encode()).digest())

    def change_key(self) -> None:
        if self.live:
            change: dict[str, Any] = self._random.choice(
                [
                    {"allowed_models": self.models()},
                    {"allowed_tools": self.tools()},
                    {"team": self._random.choice([None, *TEAMS])},
                    {"disabled": self._random.random() < 0.5},
                    {"requests_per_minute": self._random.choice([None, 5, "unlimited"])},
                ]
            )
            self._api.patch(self._random.choice(self.live), **change)

    def delete_key(self) -> None:
        if self.live:
            key_id = self.live.pop(self._random.randrange(len(self.live)))
            self._api.delete(f"/api-keys/{key_id}", **self._random.choice([{}, {"unless_used_within_s": 5}]))

    def set_policy(self) -> None:
        self._api.call("PUT", "/spend-policy", json={"monthly_cap_usd": self._random.randint(1, 9)})

    def delete_policy(self) -> None:
        self._api.delete("/spend-policy")


def test_the_directory_is_the_same_after_a_restart(api: Api) -> None:
    """After each of many random changes, key by key, and so is the policy."""
    random = Random(20261123)  # noqa: S311 (the same in every run)
    operator = Operator(api, random)
    steps = [operator.put_team, operator.delete_team, operator.set_policy, operator.delete_policy]
    steps += [operator.add_key, operator.change_key, operator.change_key, operator.delete_key]
    for round_number in range(150):
        random.choice(steps)()
        if round_number % 10 == 0:
            again = restarted(api)
            assert [api.directory.find(each) for each in operator.hashes] == [
                again.find(each) for each in operator.hashes
            ]
            assert api.directory.organisation == again.organisation
    assert len(operator.hashes) > 10
