"""What `pulumi-groq init --from-gateway` declares of what a gateway holds."""

from pulumi_groq.access import read_access
from pulumi_groq.access.writing import access_text
from pulumi_groq.cli.existing import Existing, existing, take_over_rights
from pulumi_groq.models.markers import SECRET, marked
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import Team, TeamSettings
from report_facts import live_admin_key, live_identity, live_key, live_policy

FREE = {"managed_by": None, "declared_as": None}
TIMES = {"created_at": "2026-11-01T00:00:00Z", "updated_at": "2026-11-01T00:00:00Z"}


def _key(number: int, name: str, **fields: object) -> object:
    key_id = f"key_{number:026}"
    return live_key(**{"id": key_id, "lineage_id": key_id, "name": name, **FREE, **fields})


def _team(name: str, **fields: object) -> Team:
    document = {"name": name, "allowed_models": ["openai/gpt-oss-20b"], **TIMES, **fields}
    return Team.model_validate(document)


def test_what_is_declared_reads_back_as_adoptions() -> None:
    """Keys come below their teams with their own limits; the file is one that `up` takes."""
    team = _team("chatbot", allowed_models=["openai/gpt-oss-120b", "openai/gpt-oss-20b"])
    keys = [
        _key(1, "bot", team="chatbot", requests_per_minute=7, metadata={"owner": "yes"}),
        _key(2, "loose", allowed_models=["openai/gpt-oss-120b"], status="disabled"),
    ]
    found = existing(keys, [team], None)  # type: ignore[arg-type]
    read = read_access(access_text(found.teams, None, comments=found.comments).encode(), "access.yaml")
    assert [(key.team, key.name, key.adopt_key_id) for key in read.keys] == [
        ("chatbot", "bot", f"key_{1:026}"),
        ("without-team", "loose", f"key_{2:026}"),
    ]
    bot, loose = read.keys
    assert (bot.requests_per_minute, bot.metadata, bot.disabled) == (7, {"owner": "yes"}, None)
    assert (loose.disabled, loose.allowed_models) == (True, ["openai/gpt-oss-120b"])
    assert (found.adopted, found.left_out) == (2, [])
    assert found.teams["chatbot"]["keys"]["bot"].keys() & {"budgets", "model_limits"} == set()


def test_keys_of_no_team_come_into_one_that_no_stack_has() -> None:
    """An earlier stack made its own for those that it took over: the first run would fail on it."""
    teams = [_team("without-team", managed_by="acme/infra/prod"), _team("without-team-2")]
    found = existing([_key(1, "bot"), _key(2, "loose")], teams, None)  # type: ignore[list-item]
    assert {name: list(team.get("keys", [])) for name, team in found.teams.items()} == {
        "without-team-2": [],
        "without-team-3": ["bot", "loose"],
    }


def test_a_team_is_declared_with_all_that_it_has() -> None:
    """Limits and budgets too: left out, the first run would take them from the team."""
    settings = {
        "allowed_models": ["openai/gpt-oss-20b"],
        "allowed_tools": ["browser_search"],
        "upstream_key": "research",
        "requests_per_minute": 7,
        "tokens_per_minute": "unlimited",
        "requests_per_day": 9,
        "tokens_per_day": 10,
        "max_parallel_requests": 2,
        "monthly_budget_usd": 0.000001,
        "budgets": [{"usd": 5, "per": "day"}],
    }
    assert settings.keys() == TeamSettings.model_fields.keys()
    found = existing([], [_team("chatbot", **settings)], None)
    text = access_text(found.teams, None)
    (team,) = read_access(text.encode(), "access.yaml").teams
    assert team.model_dump(mode="json", include=set(settings)) == settings
    assert "monthly_budget_usd: 0.000001\n" in text
    assert "usd: 5," in text


def test_a_policy_is_declared_with_all_that_is_no_secret() -> None:
    """What is a secret is told, with the setting that it goes into."""
    held = live_policy(
        managed_by=None,
        monthly_cap_usd=500,
        budgets=[{"usd": 50.5, "per": "day"}],
        alert_thresholds_usd=[100],
        auto_pause=False,
        alert_webhooks_digest="0" * 64,
        alert_webhook_signed=True,
    )
    found = existing([], [], held)
    text = access_text({}, found.spend_policy)
    declared = read_access(text.encode(), "access.yaml").spend_policy
    assert declared is not None
    for name in SpendPolicySettings.model_fields.keys() - marked(SpendPolicySettings, SECRET):
        assert getattr(declared, name) == getattr(held, name), name
    assert "monthly_cap_usd: 500\n" in text
    assert [line.split(":")[0] for line in found.left_out] == ["where alerts go", "what signs alerts"]
    assert "groq:alertWebhookUrls" in found.left_out[0]


def test_a_policy_of_another_stack_is_left_out() -> None:
    """The run would be refused: it belongs to that stack."""
    found = existing([], [], live_policy(managed_by="organization/infra/prod"))
    assert found.spend_policy is None
    assert found.left_out == ["the spending policy: organization/infra/prod declares it"]


def test_what_cannot_be_taken_over_is_told() -> None:
    """Others' keys and teams, predecessors and second keys of a name are left out, each with why."""
    old = _key(1, "rotated", team="chatbot")
    new = _key(2, "rotated", team="chatbot", replaces=f"key_{1:026}")
    keys = [
        *(old, new),
        _key(3, "rotated"),
        _key(4, "theirs", managed_by="organization/infra/prod"),
        _key(5, "below-theirs", team="theirs"),
    ]
    teams = [_team("chatbot"), _team("theirs", managed_by="organization/infra/prod")]
    found = existing(keys, teams, None)  # type: ignore[arg-type]
    assert found.adopted == 1
    assert found.teams["chatbot"]["keys"]["rotated"]["adopt_key_id"] == f"key_{2:026}"
    assert [line.split(":")[0] for line in found.left_out] == [
        "team theirs",
        f"key rotated (key_{1:026})",
        f"key rotated (key_{3:026})",
        f"key theirs (key_{4:026})",
        f"key below-theirs (key_{5:026})",
    ]


def test_a_team_that_has_the_name_already_is_left_alone() -> None:
    """Keys without a team never widen or join a real team of that name."""
    found = existing([_key(1, "loose")], [_team("without-team")], None)  # type: ignore[list-item]
    assert "keys" not in found.teams["without-team"]
    assert list(found.teams["without-team-2"]["keys"]) == ["loose"]


def test_rights_that_no_stack_declares_are_taken_over() -> None:
    """Admin keys by id, identities as they are; others', expired and second ones are told with why."""
    found = Existing()
    keys = [
        live_admin_key(1, name="research", role="team-admin", teams=["research"]),
        live_admin_key(2, name="research"),
        live_admin_key(3, name="theirs", managed_by="organization/infra/prod"),
        live_admin_key(4, name="old", status="expired", expires_at="2026-11-02T00:00:00Z"),
    ]
    limits = {
        "budgets": [{"usd": 5, "per": "day"}],
        "model_limits": {"openai/gpt-oss-20b": {"budget_usd": 2}},
        "runaway": {"times_usual": 10},
        "share": 3,
    }
    app = live_identity("app", admin_role=None, allowed_models=["openai/gpt-oss-20b"], **limits)
    identities = [live_identity(), app, live_identity("theirs", managed_by="organization/infra/prod")]
    take_over_rights(keys, identities, found)
    text = access_text({}, None, admin_keys=found.admin_keys, workload_identities=found.workload_identities)
    read = read_access(text.encode(), "access.yaml")
    (key,), (identity, application) = read.admin_keys, read.identities
    taken_over = application.model_dump(mode="json", exclude_none=True, include=set(limits))
    assert taken_over == {**limits, "runaway": {"times_usual": 10, "action": "pause_key"}}
    assert (key.name, key.role, key.teams, key.adopt_key_id) == (
        *("research", "team-admin", ["research"]),
        f"adm_{1:026}",
    )
    assert (identity.name, identity.claims, identity.admin_role) == ("deploy", {"sub": "s"}, "viewer")
    assert found.left_out == [
        f"admin key research (adm_{2:026}): an older admin key has its name",
        f"admin key theirs (adm_{3:026}): organization/infra/prod declares it",
        f"admin key old (adm_{4:026}): it has expired",
        "workload identity theirs: organization/infra/prod declares it",
    ]


def test_of_a_lineage_the_newest_admin_key_is_taken_over() -> None:
    """Its predecessor goes when its rotation ends."""
    found = Existing()
    first = live_admin_key(1)
    take_over_rights([first, live_admin_key(2, replaces=first.id, lineage_id=first.id)], [], found)
    assert found.admin_keys["preview"]["adopt_key_id"] == f"adm_{2:026}"
    assert found.left_out == [f"admin key preview ({first.id}): a rotation gave it a successor"]
