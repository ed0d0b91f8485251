"""Real gateways on one PostgreSQL: what one does is true at the others."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_process import ADMIN_KEY, Server, start_gateway
from patience import until
from postgresql_server import PostgresqlServer

MODEL = "openai/gpt-oss-20b"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 50}
SECRET = "secret-of-the-tests-" * 2


class Fleet:
    """Some gateways on a database of their own, each with a folder of its own."""

    def __init__(self, server: PostgresqlServer, folder: Path, names: str) -> None:
        self.server = server
        self.folder = folder
        self.url = server.new_database()
        self.gateways = {name: self.start(name) for name in names}

    def start(self, name: str) -> Server:
        """A gateway on the folder of that name."""
        (self.folder / name).mkdir(exist_ok=True)
        return start_gateway(self.folder / name, f"--data-dir={self.folder}/{name}/data", store_url=self.url)

    def replica(self, name: str) -> str:
        """What it is called among the others."""
        return (self.folder / name / "data" / "gateway.replica").read_text()

    def rows(self, statement: str) -> list[Any]:
        return self.server.execute(statement, self.url.rsplit("/", 1)[1])

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`pulumi-groq replicas`."""
        return subprocess.run(
            [sys.executable, "-m", "pulumi_groq.cli", "replicas", *arguments],
            env=os.environ | {"GROQ_GATEWAY_STORE": self.url},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def close(self) -> None:
        for gateway in self.gateways.values():
            gateway.clear_away()


@pytest.fixture(scope="module", autouse=True)
def secret() -> Iterator[None]:
    """The same for all, as operators give it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GROQ_GATEWAY_SECRET", SECRET)
        yield


@pytest.fixture(scope="module")
def pair(postgresql_server: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two gateways that no test ends."""
    fleet = Fleet(postgresql_server, tmp_path_factory.mktemp("pair"), "ab")
    yield fleet
    fleet.close()


@pytest.fixture
def own_fleet(postgresql_server: PostgresqlServer, tmp_path: Path) -> Iterator[Fleet]:
    """Two gateways that the test may end."""
    fleet = Fleet(postgresql_server, tmp_path, "ab")
    yield fleet
    fleet.close()


def admin(gateway: Server, method: str, path: str, **more: Any) -> httpx.Response:
    with gateway.client() as client:
        return client.request(method, path, **more)


def new_key(gateway: Server, name: str, **fields: Any) -> dict[str, Any]:
    body = {"name": name, "allowed_models": [MODEL], "requests_per_minute": "unlimited", **fields}
    body["tokens_per_minute"] = "unlimited"
    answer = admin(gateway, "POST", "/api-keys", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def chat(gateway: Server, key: dict[str, Any], client: httpx.Client | None = None) -> int:
    post = httpx.post if client is None else client.post
    headers = {"authorization": f"Bearer {key['api_key']}"}
    return post(
        f"{gateway.url}/openai/v1/chat/completions", json=CHAT, headers=headers, timeout=60
    ).status_code


def served_at(gateway: Server, key: dict[str, Any]) -> None:
    """One chat, once the key is known there."""
    until(lambda: chat(gateway, key) == 200, f"{gateway.url} knows the key")


def both(fleet: Fleet) -> tuple[Server, Server]:
    return fleet.gateways["a"], fleet.gateways["b"]


def test_a_key_is_good_at_every_gateway_and_gone_from_all(pair: Fleet) -> None:
    """Created at one, it serves at the other; deleted there, it is refused here."""
    a, b = both(pair)
    key = new_key(a, "everywhere")
    served_at(b, key)
    assert admin(b, "DELETE", f"/api-keys/{key['id']}").status_code == 200
    assert chat(b, key) == 401
    until(lambda: chat(a, key) == 401, "a has heard of the delete")


def test_usage_is_told_alike(pair: Fleet) -> None:
    """Whoever is asked knows what all have served, last uses and what is left of budgets included."""
    a, b = both(pair)
    key = new_key(a, "counted", budgets=[{"usd": 5, "per": "hour"}, {"usd": 9, "per": "day"}])
    served_at(b, key)
    assert [chat(a, key), chat(a, key)] == [200, 200]

    def told(gateway: Server) -> list[Any]:
        rows = admin(gateway, "GET", "/usage").json()["usage_by_key"]
        return [row for row in rows if row["key_id"] == key["id"]]

    until(
        lambda: [row["requests_today"] for row in told(b)] == [3],
        "b knows of all three",
        seen=lambda: told(b),
    )
    until(lambda: told(a) == told(b), "both tell the same", seen=lambda: (told(a), told(b)))
    (row,) = told(b)
    spent = [each["spent_usd"] for each in row["budgets"]]
    assert spent == [row["estimated_cost_usd"]] * 2
    assert row["estimated_cost_usd"] > 0


def test_a_session_is_one_at_all_gateways(pair: Fleet) -> None:
    """Signed in at one, the page opens at the other; signed out there, it opens nowhere."""
    a, b = both(pair)
    signed_in = httpx.post(f"{a.url}/ui/sign-in", data={"admin_key": ADMIN_KEY}, timeout=60)
    cookie = {"cookie": signed_in.headers["set-cookie"].split(";")[0]}

    def page(gateway: Server) -> int:
        return httpx.get(f"{gateway.url}/ui", headers=cookie, timeout=60).status_code

    assert (page(a), page(b)) == (200, 200)
    assert httpx.post(f"{b.url}/ui/sign-out", headers=cookie, timeout=60).status_code == 303
    assert page(b) == 303
    until(lambda: page(a) == 303, "a has heard of the end of the session")


def test_a_create_is_one_whoever_gets_it_again(pair: Fleet) -> None:
    """The same idempotency key at the other gateway: the same API key, value included."""
    headers = {"idempotency-key": "once"}
    body = {"name": "once", "allowed_models": [MODEL]}
    answers = [admin(each, "POST", "/api-keys", json=body, headers=headers).json() for each in both(pair)]
    assert answers[0]["api_key"] == answers[1]["api_key"]


def test_a_key_that_is_in_use_elsewhere_is_kept(pair: Fleet) -> None:
    """Rotation asks one gateway, and the key was used at the other."""
    a, b = both(pair)
    key = new_key(a, "in use")
    served_at(b, key)
    until(
        lambda: admin(a, "GET", f"/api-keys/{key['id']}").json()["last_used_at"],
        "a has heard of the use at b",
    )
    refused = admin(a, "DELETE", f"/api-keys/{key['id']}", params={"unless_used_within_s": 3600})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "key_in_use")


def test_a_use_of_this_very_moment_keeps_a_key(own_fleet: Fleet) -> None:
    """A request at one, and at once a delete at the other with a quiet period: nobody need have reported by
    itself. Of admin keys, too.
    """
    a, b = both(own_fleet)
    key = new_key(a, "just used")
    admin_key = admin(a, "POST", "/admin-keys", json={"name": "viewer", "role": "viewer"}).json()
    as_admin = {"authorization": f"Bearer {admin_key['admin_key']}"}

    def look(gateway: Server) -> int:
        return httpx.get(f"{gateway.url}/openai/v1/api-keys", headers=as_admin, timeout=60).status_code

    served_at(b, key)
    used = admin(a, "DELETE", f"/api-keys/{key['id']}", params={"unless_used_within_s": 3600})
    until(lambda: look(b) == 200, "b knows the admin key")
    path = f"/admin-keys/{admin_key['id']}"
    used_as_admin = admin(a, "DELETE", path, params={"unless_used_within_s": 3600})
    for refused in (used, used_as_admin):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "key_in_use")
        assert "last" in refused.json()["error"]["message"]
    assert [chat(each, key) for each in (a, b)] == [200, 200]


def test_a_gateway_that_does_not_answer_keeps_a_key(own_fleet: Fleet) -> None:
    """It hangs, and may be serving it: the delete says which, and goes through once it goes on."""
    a, b = both(own_fleet)
    key = new_key(a, "perhaps in use")
    quietly = {"unless_used_within_s": 1}
    b.process.send_signal(signal.SIGSTOP)
    refused = admin(a, "DELETE", f"/api-keys/{key['id']}", params=quietly)
    b.process.send_signal(signal.SIGCONT)
    assert refused.status_code == 409
    assert f"may be in use at the gateway {own_fleet.replica('b')}" in refused.json()["error"]["message"]
    until(
        lambda: admin(a, "DELETE", f"/api-keys/{key['id']}", params=quietly).status_code == 200,
        "the key can be deleted",
    )


def test_a_gateway_ends_where_the_store_lacks_what_it_acknowledged(own_fleet: Fleet) -> None:
    """As after a failover to a copy that lagged: it says so and ends, and serves once it is started again."""
    a, _ = both(own_fleet)
    key = new_key(a, "served before and after")
    assert chat(a, key) == 200
    own_fleet.rows(f"UPDATE bank_members SET last_call = 0 WHERE replica = '{own_fleet.replica('a')}'")  # noqa: S608
    assert a.process.wait(60) == 1
    a.clear_away()
    last_line = a.log.read_text().splitlines()[-1]
    assert last_line.startswith("Error: PostgreSQL lacks what it acknowledged to this gateway")
    own_fleet.gateways["a"] = own_fleet.start("a")
    assert chat(own_fleet.gateways["a"], key) == 200


def test_a_gateway_with_another_secret_does_not_start(pair: Fleet, tmp_path: Path) -> None:
    """It could not open what the others have sealed."""
    started = subprocess.run(
        [sys.executable, "-m", "pulumi_groq.cli", "serve", "--port=0", f"--data-dir={tmp_path}"],
        env=os.environ
        | {
            "GROQ_ADMIN_KEY": ADMIN_KEY,
            "GROQ_GATEWAY_SECRET": SECRET[::-1],
            "GROQ_GATEWAY_STORE": pair.url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert started.returncode == 2
    assert "give all of them the same GROQ_GATEWAY_SECRET" in started.stderr


def test_replicas_are_listed_and_a_live_one_is_not_forgotten(pair: Fleet) -> None:
    """As a table for people and as JSON; whoever lives gives back by itself."""
    assert pair.command("list").stdout.count(" live ") == 2
    assert '"state": "live"' in pair.command("list", "--output=json").stdout
    refused = pair.command("forget", pair.replica("a"))
    assert (refused.returncode, "is alive: stop it" in refused.stderr) == (2, True)
    assert pair.command("forget", "nobody").returncode == 2


def test_no_cap_is_passed_and_none_is_refused_too_early(own_fleet: Fleet) -> None:
    """Many clients at both spend one cap to its end: nothing above it, less than one request left, and the
    alert fires once.
    """
    a, b = both(own_fleet)
    policy = {"monthly_cap_usd": 0.0005, "alert_thresholds_usd": [0.0002], "auto_pause": True}
    assert admin(a, "PUT", "/spend-policy", json=policy).status_code == 200
    key = new_key(a, "spender")
    served_at(b, key)

    def spend(gateway: Server) -> None:
        refusals = 0
        with httpx.Client(timeout=60) as client:
            while refusals < 3:
                refusals += chat(gateway, key, client) != 200

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(spend, [a, b] * 4))

    def spent_so_far() -> int:
        ((micro_usd,),) = own_fleet.rows("SELECT coalesce(sum(cost_micro_usd), 0) FROM ledger")
        return int(micro_usd)

    def spent_to_its_end() -> bool:
        # One that answers a recall too late has what others were refused: then the next request finds it.
        for gateway in (a, b):
            chat(gateway, key)
        return spent_so_far() > 500 - 40

    until(spent_to_its_end, "less than one request is left", seen=spent_so_far)
    assert [gateway.stop() for gateway in own_fleet.gateways.values()] == [0, 0]
    spent = spent_so_far()
    ((settled, outstanding),) = own_fleet.rows(
        "SELECT settled_micro_usd, outstanding_micro_usd FROM bank_accounts WHERE key LIKE '%organisation'"
    )
    assert spent <= 500
    assert (settled, outstanding) == (spent, 0)
    told = [(own_fleet.folder / name / "gateway.log").read_text().count("spend alert: ") for name in "ab"]
    assert sorted(told) == [0, 1]


@pytest.mark.timeout(600)  # gateways are killed, stopped and started all the while
def test_chaos_ends_with_sums_that_agree() -> None:
    """A few of the cuts, kills, stops and outages that the script goes through for as long as one likes. How
    soon a deleted key is refused is a figure of a machine of its own.
    """
    script = Path(__file__).parents[2] / "benchmarks" / "scale" / "chaos_gateways.py"
    done = subprocess.run(
        [sys.executable, script, "--gateways=2", "--seconds=10", "--revoked-within=30", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_killed_gateway_is_booked_at_its_next_start(own_fleet: Fleet) -> None:
    """What it held stays out until then, also where it was forgotten meanwhile: the sums are those of what
    was answered.
    """
    a, b = both(own_fleet)
    key = new_key(a, "survivor")
    served_at(b, key)
    answered = 1 + sum(chat(a, key) == 200 for _ in range(20))
    a.clear_away()
    assert own_fleet.command("forget", own_fleet.replica("a")).returncode == 2
    own_fleet.rows("UPDATE replicas SET seen_at = seen_at - interval '1 minute'")
    forgotten = own_fleet.command("forget", own_fleet.replica("a"))
    assert (forgotten.returncode, "Charged " in forgotten.stdout) == (0, True)
    own_fleet.gateways["a"] = again = own_fleet.start("a")
    assert chat(again, key) == 200
    assert [again.stop(), b.stop()] == [0, 0]
    ((requests, spent),) = own_fleet.rows("SELECT count(*), sum(cost_micro_usd) FROM ledger")
    ((settled, outstanding),) = own_fleet.rows(
        "SELECT settled_micro_usd, outstanding_micro_usd FROM bank_accounts WHERE key LIKE '%organisation'"
    )
    assert requests == answered + 1
    assert (settled, outstanding) == (spent, 0)
    assert own_fleet.rows("SELECT count(*) FROM bank_grants") == [(0,)]
