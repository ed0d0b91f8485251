"""What an unusable access file says: file, line, path, what to do."""

from collections.abc import Callable

# ruff: noqa: E501 (each case is one line, as each problem is)
from pathlib import Path

import pytest

from pulumi_groq.access import load_access
from pulumi_groq.errors import AccessFileError

KEY = "teams: {t: {allowed_models: [a], keys: {k: {%s}}}}"
POLICY = "spend_policy: {%s}"


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("requests_per_minute: 0", 'requests_per_minute: must be at least 1; leave it out for the server\'s default, or write "unlimited"'),
        ("requests_per_minute: -5", 'requests_per_minute: must be from 1 to 1,000,000,000, or "unlimited"'),
        ("requests_per_minute: 1_000", 'requests_per_minute: must be a whole number, or "unlimited"; found "1_000"'),
        ("tokens_per_day: 0o17", 'tokens_per_day: must be a whole number, or "unlimited"; found "0o17"'),
        ("tokens_per_day: 017", 'tokens_per_day: must be a whole number, or "unlimited"; found "017"'),
        ("tokens_per_day: 1:30", 'tokens_per_day: must be a whole number, or "unlimited"; found "1:30"'),
        ("tokens_per_day: 1.5", 'tokens_per_day: must be a whole number, or "unlimited"'),
        ("tokens_per_day: true", 'tokens_per_day: must be a whole number, or "unlimited"'),
        ("max_parallel_requests: 0", 'max_parallel_requests: must be at least 1; leave it out for the server\'s default, or write "unlimited"'),
        ("share: 0", "share: must be greater than or equal to 1"),
        ("runaway: {}", "runaway: must say what a runaway is: spend_usd_per_10_min, times_usual, or both"),
        ("runaway: {times_usual: 1}", "runaway.times_usual: must be greater than or equal to 2"),
        ("runaway: {time_usual: 5}", "runaway.time_usual: is not a known field; did you mean times_usual?"),
        ("runaway: {times_usual: 5, action: stop}", "runaway.action: must be 'alert' or 'pause_key'; found \"stop\""),
        ("tokens_per_day: ", "tokens_per_day: has no value; write one or take the line out"),
        ("monthly_budget_usd: 0", "monthly_budget_usd: must be more than 0; leave it out for none"),
        ("monthly_budget_usd: .inf", 'monthly_budget_usd: must be a number of US dollars; found ".inf"'),
        ("monthly_budget_usd: 1e999", "monthly_budget_usd: must be at most 1,000,000,000 US dollars"),
        ("monthly_budget_usd: 0.0000001", "monthly_budget_usd: must have at most 6 decimal places"),
        ("expires_at: 2026-12-31", 'expires_at: must say its zone, as in 2026-12-31T00:00:00Z'),
        ("expires_at: soon", 'expires_at: must be an ISO 8601 time such as 2026-12-31T00:00:00Z; found "soon"'),
        ("metadata: {cost: 12}", "metadata.cost: must be text; put it in quotes"),
        ("metadata: {cost: }", "metadata.cost: has no value; write one or take the line out"),
        ("allowed_models: [a, ~]", "allowed_models.1: has no value; write one or take the line out"),
        ("metadata: [a]", 'metadata: must be a mapping: one "name: value" a line'),
        ("allowed_models: a", 'allowed_models: must be a list: one item a line, each after "- "; found "a"'),
        ("allowed_models: [a, a]", "allowed_models: must not repeat a"),
        ("allowed_tools: [web_search]", "allowed_tools.0: must be one of the team's tools; web_search is not"),
        ("allowed_models: [b]", "allowed_models.0: must be one of the team's models; b is not"),
        ("rotation: {every_days: 0}", "rotation.every_days: must be greater than or equal to 1"),
        ("rotation: {every_day: 30}", "rotation.every_day: is not a known field; did you mean every_days?"),
        ("rotation: 30", 'rotation: must be a mapping: one "name: value" a line'),
        ("request_per_minute: 5", "request_per_minute: is not a known field; did you mean requests_per_minute?"),
        ("team: t", "team: is not a known field; known are adopt_key_id, allow_delete_in_use, allowed_models, allowed_tools, budgets, disabled, expires_at, max_parallel_requests, metadata, model_limits, monthly_budget_usd, reason, requests_per_day, requests_per_minute, rotation, runaway, share, tokens_per_day, tokens_per_minute"),
    ],
)  # fmt: skip
def test_a_field_of_a_key(problems: Callable[[str], list[str]], field: str, line: str) -> None:
    """An unusable field of a key gives exactly one line with its path."""
    assert problems(KEY % field) == [f"1: teams.t.keys.k.{line}"]


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("requests_per_minute: 0", 'requests_per_minute: must be at least 1; leave it out for none, or write "unlimited"'),
        ("max_parallel_requests: 0", 'max_parallel_requests: must be at least 1; leave it out for none, or write "unlimited"'),
        ("keys: {k: {model_limits: {a: {tokens_per_day: 0}}}}", 'keys.k.model_limits.a.tokens_per_day: must be at least 1; leave it out for none, or write "unlimited"'),
        ("keys: {k: {budgets: [{usd: 0, per: day}]}}", "keys.k.budgets.0.usd: must be more than 0; leave it out for none"),
    ],
)  # fmt: skip
def test_zero_says_what_leaving_it_out_means(
    problems: Callable[[str], list[str]], field: str, line: str
) -> None:
    """Limits of a team and of a model have no default at the server."""
    assert problems(f"teams: {{t: {{allowed_models: [a], {field}}}}}") == [f"1: teams.t.{line}"]


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("rotation: {every_dys: 5}", "rotation.every_dys: is not a known field; did you mean every_days?"),
        ("runaway: {times_usul: 3}", "runaway.times_usul: is not a known field; did you mean times_usual?"),
        ("budgets: [{usd: 3, per: day, x: 1}]", "budgets.0.x: is not a known field; known are per, usd"),
        ("model_limits: {a: {budget_us: 3}}", "model_limits.a.budget_us: is not a known field; did you mean budget_usd?"),
    ],
)  # fmt: skip
def test_a_misspelt_field_at_any_depth_is_told_with_what_is_near(
    problems: Callable[[str], list[str]], field: str, line: str
) -> None:
    """Below a key, too, and in lists and mappings of any name."""
    found = problems(f"teams: {{t: {{allowed_models: [a], keys: {{k: {{{field}}}}}}}}}")
    assert f"1: teams.t.keys.k.{line}" in found


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ("monthly_cap_usd: 5, alert_thresholds_usd: [1, 6]", "alert_thresholds_usd: must not exceed monthly_cap_usd (5)"),
        ("monthly_cap_usd: 5, alert_thresholds_usd: [2, 1]", "alert_thresholds_usd: must ascend without repeats"),
        ("monthly_cap_usd: 5, alert_thresholds_usd: [1, x]", 'alert_thresholds_usd.1: must be a number of US dollars; found "x"'),
        ("monthly_cap_usd: 5, auto_pause: yes", 'auto_pause: must be true or false; found "yes"'),
        ("auto_pause: true", "monthly_cap_usd: is missing"),
        ("monthly_cap_usd: 5, alert_webhook_urls: ['https://x']", "alert_webhook_urls: is a secret; set it with pulumi config set --secret groq:alertWebhookUrls instead"),
    ],
)  # fmt: skip
def test_a_field_of_the_policy(problems: Callable[[str], list[str]], fields: str, line: str) -> None:
    """An unusable field of the policy gives exactly one line with its path."""
    assert problems(POLICY % fields) == [f"1: spend_policy.{line}"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ("role: king", "role: must be 'owner', 'team-admin', 'billing', 'viewer' or 'auditor'; found \"king\""),
        ("teams: [t]", "role: is missing"),
        ("role: team-admin", "teams: must name the teams that the role team-admin is for"),
        ("role: owner, teams: [t]", "teams: must be left out: the role owner is for all teams"),
        ("role: viewer, expires_at: soon", 'expires_at: must be an ISO 8601 time such as 2026-12-31T00:00:00Z; found "soon"'),
        ("role: viewer, team: t", "team: is not a known field; did you mean teams?"),
        ("role: viewer, name: x", "name: is not a known field; known are adopt_key_id, expires_at, reason, role, rotation, teams"),
    ],
)  # fmt: skip
def test_a_field_of_an_admin_key(problems: Callable[[str], list[str]], fields: str, line: str) -> None:
    """An unusable field of an admin key gives exactly one line with its path."""
    assert problems(f"admin_keys: {{a: {{{fields}}}}}") == [f"1: admin_keys.a.{line}"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ("claims: {sub: s}, admin_role: owner, issuer: http://issuer.example.com", ".issuer: must match pattern"),
        ("claims: {sub: 5}, admin_role: owner", ".claims.sub: must be text; put it in quotes"),
        ("claims: {sub: s}", ": admin_role or allowed_models must say what a credential is for"),
        ("admin_role: owner", ": claims and claim_patterns must not both be empty"),
        ("claims: {sub: s}, team: t, allowed_models: [b]", ".allowed_models.0: must be one of the team's models; b is not"),
        ("claims: {sub: s}, allowed_models: [a], team: ' t'", ".team: must not begin or end with a space"),
        ("claims: {sub: s}, admin_role: owner, share: 2", ": share is for the inference plane and has no meaning beside admin_role"),
        ("claims: {sub: s}, admin_role: owner, model_limits: {a: {budget_usd: 1}}", ": model_limits is for the inference plane"),
        ("claims: {sub: s}, allowed_models: [a], model_limits: {b: {budget_usd: 1}}", ".model_limits: must be for models of allowed_models; b is not one of them"),
        ("claims: {sub: s}, allowed_models: [a], monthly_budget_usd: 1, budgets: [{usd: 1, per: month}]", ".budgets: must not have a budget per month beside monthly_budget_usd"),
        ("claims: {sub: s}, allowed_models: [a], team: t, budgets: [{usd: 9, per: day}]", ".budgets: must be at most 8 per day, what the team has for all its keys; found 9"),
        ("claims: {sub: s}, allowed_models: [a], runaway: {times_usual: 1}", ".runaway.times_usual: must be greater than or equal to 2"),
        ("claims: {sub: s}, admin_role: owner, credential_minutes: 61", ".credential_minutes: must be less than or equal to 60"),
    ],
)  # fmt: skip
def test_a_field_of_a_workload_identity(problems: Callable[[str], list[str]], fields: str, line: str) -> None:
    """An unusable field of an identity, or fields that contradict each other, give one line with its path."""
    issuer = "" if "issuer" in fields else "issuer: https://i.example.com, "
    declared = f"{issuer}audience: a, {fields}"
    (told,) = problems(
        f"teams: {{t: {{allowed_models: [a], budgets: [{{usd: 8, per: day}}]}}}}\nworkload_identities: {{deploy: {{{declared}}}}}"
    )
    assert told.startswith(f"2: workload_identities.deploy{line}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1: is empty; declare teams, spend_policy, admin_keys or workload_identities"),
        ("# nothing\n", "1: is empty; declare teams, spend_policy, admin_keys or workload_identities"),
        ("{}", "1: is empty; declare teams, spend_policy, admin_keys or workload_identities"),
        ("- a", '1: must be a mapping: one "name:" a line'),
        ("teams: [a]", '1: teams: must be a mapping: one "name:" a line'),
        ("teams:", "1: teams: has no value; write one or take the line out"),
        ("team: {}", "1: team: is not a known field; did you mean teams?"),
        ("teams:\n\tt: {}", "2: is not valid YAML: a tab where a space belongs; indent with spaces"),
        ("teams: {}\nteams: {}", "2: teams: is written twice, first on line 1"),
        ("teams: {}\n---\nteams: {}", "2: starts a second document; one is accepted"),
        ("teams: &t {}", "1: teams: anchors (&) and aliases (*) are not accepted; write the value out"),
        ("teams: !!python/name:os.system {}", '1: teams: the tag "tag:yaml.org,2002:python/name:os.system" is not accepted; write the plain value'),
        ("? [a]\n: b", "1: a list or mapping cannot be a name"),
        (f"teams: {'[' * 40}", "1: is nested more than 12 levels deep"),
        ("teams: \x00", '1: holds the control character "\\u0000"; take it out'),
    ],
)  # fmt: skip
def test_a_file(problems: Callable[[str], list[str]], text: str, line: str) -> None:
    """A file that is not a plain mapping gives one line."""
    assert problems(text) == [line]


def test_every_problem_is_reported_at_once_in_the_order_of_the_file(
    problems: Callable[[str], list[str]],
) -> None:
    """Problems of all parts of a file come together, each with its own line."""
    assert problems("""
        teams:
          chatbot:
            allowed_models: []
            keys:
              chatbot-prod:
                requests_per_minute: many
          analytics:
            allowed_models: [a]
            keys:
              chatbot-prod:
                tokens_per_minute: 0
        spend_policy:
          monthly_cap_usd: -1
    """) == [
        "3: teams.chatbot.allowed_models: must have at least 1 item",
        '6: teams.chatbot.keys.chatbot-prod.requests_per_minute: must be a whole number, or "unlimited"; found "many"',
        "10: teams.analytics.keys.chatbot-prod: has the name of the key on line 5; choose another",
        "11: teams.analytics.keys.chatbot-prod.tokens_per_minute: must be at least 1; "
        'leave it out for the server\'s default, or write "unlimited"',
        "13: spend_policy.monthly_cap_usd: must be more than 0; leave it out for none",
    ]


def test_unusual_names_are_quoted_in_paths(problems: Callable[[str], list[str]]) -> None:
    """A name with spaces, dots or line breaks cannot be mistaken for a part of the message."""
    assert problems('teams: {"a.b: c\\n": {allowed_models: [a]}}') == [
        '1: teams."a.b: c\\n": its name must not contain control or other unprintable characters, as U+000A is; '
        'found "a.b: c\\n"'
    ]


def test_aliases_never_expand(problems: Callable[[str], list[str]]) -> None:
    """Nested aliases are refused before they can grow."""
    levels = "\n".join(f"l{n}: [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))
    assert all("anchors (&) and aliases (*)" in line for line in problems(f"l0: &l0 x\n{levels}"))


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    """A file that is not UTF-8 gives the line where that begins."""
    file = tmp_path / "access.yaml"
    file.write_bytes(b"teams: {}\n# caf\xe9\n")
    with pytest.raises(AccessFileError, match=r"^access.yaml:2: is not UTF-8 text; save the file as UTF-8$"):
        load_access(file)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """A path without a file names the path and the setting."""
    file = tmp_path / "none.yaml"
    with pytest.raises(AccessFileError) as raised:
        load_access(file)
    assert str(raised.value) == f"{file}: cannot be read: no such file or directory; check groq:accessFile"


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    """A file above the size limit is refused without being read whole."""
    file = tmp_path / "access.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(9 * 1024 * 1024)
    with pytest.raises(AccessFileError, match=r"^access.yaml:1: is larger than 8 MiB$"):
        load_access(file)
