"""What a valid access file declares."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from pulumi_groq.access import Access, arguments, load_access

REFERENCE = Path(__file__).parents[2] / "stacks" / "access.yaml"


def test_the_reference_file_declares_the_keys_of_the_mission() -> None:
    """stacks/access.yaml holds the two keys with their teams, models and limits."""
    keys = {key.name: key for key in load_access(REFERENCE).keys}
    assert sorted(keys) == ["batch-processor", "chatbot-prod"]
    chatbot, batch = keys["chatbot-prod"], keys["batch-processor"]
    assert chatbot.team == "chatbot"
    assert chatbot.allowed_models == ["llama-3.3-70b-versatile", "llama-3.1-8b-instant"]
    assert (chatbot.requests_per_minute, chatbot.tokens_per_minute) == (500, 100_000)
    assert batch.team == "analytics"
    assert batch.allowed_models == ["llama-3.1-8b-instant"]
    assert (batch.requests_per_minute, batch.tokens_per_minute) == (60, 500_000)


def test_the_reference_file_declares_the_policy_of_the_mission() -> None:
    """stacks/access.yaml holds a cap of 500 USD with three alerts and auto-pause."""
    policy = load_access(REFERENCE).spend_policy
    assert policy is not None
    assert policy.monthly_cap_usd == 500
    assert policy.alert_thresholds_usd == [100, 250, 400]
    assert policy.auto_pause is True


def test_the_reference_file_declares_three_teams() -> None:
    """stacks/access.yaml holds chatbot, analytics and research, in this order, without warnings."""
    access = load_access(REFERENCE)
    assert [team.name for team in access.teams] == ["chatbot", "analytics", "research"]
    assert access.warnings == ()


def test_a_key_inherits_the_models_of_its_team(read: Callable[[str], Access]) -> None:
    """A key without a list of its own has its team's."""
    access = read("""
        teams:
          search:
            allowed_models: [b, a]
            keys:
              search-dev: {}
    """)
    assert access.keys[0].allowed_models == ["b", "a"]


def test_a_key_may_narrow_the_models_of_its_team(read: Callable[[str], Access]) -> None:
    """A key's own list is taken where it lies within its team's."""
    access = read("""
        teams:
          search:
            allowed_models: [a, b]
            keys:
              search-dev:
                allowed_models: [b]
    """)
    assert access.keys[0].allowed_models == ["b"]


def test_everything_a_key_can_have(read: Callable[[str], Access]) -> None:
    """Every optional field of a key is read with its type."""
    key = read("""
        teams:
          search:
            allowed_models: [a]
            keys:
              search-dev:
                requests_per_minute: unlimited
                requests_per_day: 1000
                tokens_per_day: 2000000
                max_parallel_requests: 4
                monthly_budget_usd: 12.345678
                expires_at: 2026-12-31T00:00:00+01:00
                metadata: {cost_center: "1234"}
                reason: because
    """).keys[0]
    assert key.requests_per_minute == "unlimited"
    assert (key.requests_per_day, key.tokens_per_day, key.tokens_per_minute) == (1000, 2_000_000, None)
    assert key.max_parallel_requests == 4
    assert key.monthly_budget_usd == Decimal("12.345678")
    assert key.expires_at is not None
    assert key.expires_at.isoformat() == "2026-12-30T23:00:00+00:00"
    assert (key.metadata, key.reason) == ({"cost_center": "1234"}, "because")


def test_declarations_know_their_line(read: Callable[[str], Access]) -> None:
    """Teams, keys and the policy each carry the line that declares them."""
    access = read("""
        teams:
          search:
            allowed_models: [a]
            keys:

              search-dev: {}
        spend_policy:
          monthly_cap_usd: 5
    """)
    assert access.spend_policy is not None
    assert (access.teams[0].line, access.keys[0].line, access.spend_policy.line) == (2, 6, 7)


def test_names_are_data(read: Callable[[str], Access]) -> None:
    """Names that YAML 1.1 or a shell would read otherwise come through as they stand."""
    access = read("""
        teams:
          no:
            allowed_models: [a]
            keys:
              2024-10-01: {}
              1_000: {}
              $(id); 'x': {}
              <b>&amp;: {}
    """)
    assert access.teams[0].name == "no"
    assert [key.name for key in access.keys] == ["2024-10-01", "1_000", "$(id); 'x'", "<b>&amp;"]


def test_budgets_above_the_cap_are_a_warning(read: Callable[[str], Access]) -> None:
    """Budgets that together exceed the cap are allowed, with one warning that gives both sums."""
    access = read("""
        teams:
          search:
            allowed_models: [a]
            keys:
              one: {monthly_budget_usd: 300}
              two: {monthly_budget_usd: 250.5}
        spend_policy:
          monthly_cap_usd: 500
    """)
    assert access.warnings == (
        "access.yaml:7: spend_policy.monthly_cap_usd: 500 is less than the keys' budgets together (550.5); "
        "the cap can be reached while budgets are left",
    )


def test_budgets_up_to_the_cap_are_no_warning(read: Callable[[str], Access]) -> None:
    """Budgets that add up to exactly the cap give no warning."""
    access = read("""
        teams:
          search: {allowed_models: [a], keys: {one: {monthly_budget_usd: 5}}}
        spend_policy: {monthly_cap_usd: 5}
    """)
    assert access.warnings == ()


def test_a_policy_alone_is_a_declaration(read: Callable[[str], Access]) -> None:
    """A file may declare the spending policy without teams."""
    access = read("spend_policy: {monthly_cap_usd: 5}")
    assert (access.teams, access.keys) == ((), ())


def test_a_byte_order_mark_is_accepted(read: Callable[[str], Access]) -> None:
    """A file saved with a byte order mark reads as without."""
    assert read("\ufeffspend_policy: {monthly_cap_usd: 5}").spend_policy is not None


def test_admin_keys_and_identities_are_declared_beside_the_teams(read: Callable[[str], Access]) -> None:
    """Each with its settings, its name and its line; what a resource takes is what the file says."""
    access = read("""
        teams:
          research: {allowed_models: [a, b]}
        admin_keys:
          preview:
            role: team-admin
            teams: [research]
            expires_at: 2027-01-01T00:00:00Z
            reason: The team's own stack.
        workload_identities:
          pods:
            issuer: https://cluster.example.com
            audience: https://groq.example.com
            claims: {sub: "system:serviceaccount:research:app"}
            team: research
            allowed_models: [b]
            budgets: [{usd: 5, per: hour}]
            model_limits: {b: {requests_per_day: 9}}
            runaway: {spend_usd_per_10_min: 1}
            max_parallel_requests: 4
            share: 2
    """)
    (key,), (identity,) = access.admin_keys, access.identities
    assert (key.name, key.line, key.reason) == ("preview", 4, "The team's own stack.")
    assert arguments(key) == {
        "role": "team-admin",
        "teams": ["research"],
        "expires_at": "2027-01-01T00:00:00Z",
    }
    given = arguments(identity)
    assert (identity.name, identity.line, given["team"]) == ("pods", 10, "research")
    assert (given["budgets"], given["share"]) == ([{"usd": 5, "per": "hour"}], 2)
    assert given["model_limits"] == {"b": {"requests_per_day": 9}}
    assert access.warnings == ()


def test_a_right_for_a_team_that_the_file_does_not_know_is_a_warning(read: Callable[[str], Access]) -> None:
    """It may be another stack's, or misspelt; a file without teams is for those of others."""
    keys = "admin_keys: {preview: {role: viewer, teams: [reserch]}}"
    assert read(keys).warnings == ()
    assert read(f"{keys}\nteams: {{research: {{allowed_models: [a]}}}}").warnings == (
        'access.yaml:1: admin_keys.preview: names the team "reserch", which this file does not declare; '
        "is it another stack's, or misspelt?",
    )


def test_what_exists_is_taken_over_where_the_file_says_so(read: Callable[[str], Access]) -> None:
    """Teams, the policy and identities have the argument; where it is left out, nothing is handed over."""
    access = read("""
        teams: {research: {allowed_models: [a], adopt_existing: true}, chatbot: {allowed_models: [a]}}
        spend_policy: {monthly_cap_usd: 5, adopt_existing: true}
        workload_identities:
          pods:
            issuer: https://i.example.com
            audience: a
            claims: {sub: s}
            admin_role: owner
            adopt_existing: true
    """)
    taking = [access.teams[0], access.spend_policy, *access.identities]
    assert [arguments(each)["adopt_existing"] for each in taking if each] == [True, True, True]
    assert "adopt_existing" not in arguments(access.teams[1])
