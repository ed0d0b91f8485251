"""Which claims are safe, platform by platform."""

# ruff: noqa: E501 (each case is one line)
from typing import Any

import pytest

from pulumi_groq.policy.trust import Gives, Trust, weaknesses

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
CLUSTER = "https://cluster.example.com"
PULUMI = "https://api.pulumi.com/oidc"
OWNER = {"repository_owner_id": "1"}


def found(
    issuer: str,
    gives: Gives,
    claims: dict[str, str],
    patterns: dict[str, str] | None = None,
    audience: str = "https://groq.example.com",
) -> list[tuple[str, str]]:
    trust = Trust(issuer, audience, claims, patterns or {}, gives)
    return [(each.grade, each.what) for each in weaknesses(trust)]


@pytest.mark.parametrize(
    ("issuer", "gives", "claims", "patterns"),
    [
        (GITHUB, "change", {"sub": "repo:acme/infra:environment:groq", **OWNER}, {}),
        (GITHUB, "change", {"sub": "repo:acme/infra:ref:refs/heads/main", "repository_id": "7"}, {}),
        (GITHUB, "change", OWNER, {"sub": "repo:acme/infra:ref:refs/heads/release/*"}),
        (GITHUB, "change", {"repository_id": "7", "environment": "groq"}, {}),
        (GITHUB, "read", {"sub": "repo:acme/infra:pull_request", **OWNER}, {}),
        ("https://github.example.com/_services/token", "use", {"sub": "repo:a/b:environment:x", **OWNER}, {}),
        (
            GITLAB,
            "change",
            {"sub": "project_path:acme/infra:ref_type:branch:ref:main", "project_id": "7"},
            {},
        ),
        (GITLAB, "change", {"project_id": "7", "ref_protected": "true"}, {}),
        (CLUSTER, "use", {"sub": "system:serviceaccount:research:summaries"}, {}),
        (
            PULUMI,
            "change",
            {"sub": "pulumi:deploy:org:acme:project:p:stack:prod:operation:update:scope:write"},
            {},
        ),
        ("https://issuer.example.com", "change", {"sub": "deployer"}, {}),
    ],
)
def test_what_the_documentation_calls_safe_is(
    issuer: str, gives: Gives, claims: dict[str, str], patterns: dict[str, str]
) -> None:
    """No word about it."""
    assert found(issuer, gives, claims, patterns) == []


ANY_REPOSITORY = "accepts repositories of other owners"
MORE_REPOSITORIES = "accepts more than one repository of the owner"
EVERY_JOB = "accepts every branch and pull request"
PULL_REQUESTS = "accepts pull requests"
BY_NAME = ("low", "knows the owner by name alone")


@pytest.mark.parametrize(
    ("gives", "claims", "patterns", "expected"),
    [
        ("change", {}, {"sub": "repo:*"}, [("high", ANY_REPOSITORY), BY_NAME]),
        ("read", {}, {"sub": "repo:*"}, [("high", ANY_REPOSITORY), BY_NAME]),
        ("change", {}, {"sub": "*"}, [("high", ANY_REPOSITORY), ("high", EVERY_JOB)]),
        ("change", {"environment": "groq"}, {}, [("high", ANY_REPOSITORY)]),
        (
            "change",
            OWNER,
            {"sub": "repo:acme*/infra:environment:groq"},
            [("high", ANY_REPOSITORY)],
        ),
        ("change", OWNER, {"sub": "repo:acme/*:ref:refs/heads/main"}, [("high", MORE_REPOSITORIES)]),
        ("read", OWNER, {"sub": "repo:acme/*:ref:refs/heads/main"}, [("medium", MORE_REPOSITORIES)]),
        ("change", {"repository_id": "7"}, {"sub": "repo:acme/*:ref:refs/heads/main"}, []),
        ("change", {"repository": "acme/infra"}, {}, [("high", EVERY_JOB)]),
        ("read", {"repository": "acme/infra"}, {}, [("medium", EVERY_JOB)]),
        ("change", OWNER, {"sub": "repo:acme/infra:*"}, [("high", EVERY_JOB)]),
        ("change", OWNER, {"sub": "repo:acme/infra:*:*"}, [("high", EVERY_JOB)]),
        ("change", {"sub": "repo:acme/infra:pull_request", **OWNER}, {}, [("high", PULL_REQUESTS)]),
        ("use", {"sub": "repo:acme/infra:pull_request", **OWNER}, {}, [("medium", PULL_REQUESTS)]),
        ("change", OWNER, {"sub": "repo:acme/infra:pull*"}, [("high", PULL_REQUESTS)]),
        ("change", OWNER, {"sub": "repo:acme/infra:ref:*"}, [("medium", "accepts every branch")]),
        ("change", OWNER, {"sub": "repo:acme/infra:ref:refs/heads/*"}, [("medium", "accepts every branch")]),
        ("change", OWNER, {"sub": "repo:acme/infra:ref:refs/tags/*"}, [("medium", "accepts every tag")]),
        (
            "change",
            OWNER,
            {"sub": "repo:acme/infra:environment:*"},
            [("medium", "accepts every environment")],
        ),
        ("change", {"sub": "repo:acme/infra:environment:groq"}, {}, [BY_NAME]),
    ],
)
def test_of_github(
    gives: Gives, claims: dict[str, str], patterns: dict[str, str], expected: list[Any]
) -> None:
    """Whoever can make a repository, a branch or a pull request is told apart, or found."""
    assert found(GITHUB, gives, claims, patterns) == expected


@pytest.mark.parametrize(
    ("issuer", "gives", "claims", "patterns", "expected"),
    [
        (GITLAB, "change", {}, {"sub": "project_path:*:ref_type:branch:ref:main"}, "accepts more than one project"),
        (GITLAB, "change", {"project_id": "7"}, {}, "accepts every branch"),
        (GITLAB, "change", {"namespace_id": "7"}, {}, "accepts more than one project"),
        (CLUSTER, "use", {}, {"sub": "system:serviceaccount:*:*"}, "accepts service accounts of every namespace"),
        (CLUSTER, "use", {}, {"sub": "system:serviceaccount:a:*"}, "accepts every account of the namespace"),
        (CLUSTER, "use", {}, {"sub": "system:serviceaccount:a*:b"}, "accepts more than one namespace"),
        (CLUSTER, "use", {"sub": "system:serviceaccount:a:default"}, {}, "accepts the namespace's default account"),
        (PULUMI, "read", {"aud": "acme"}, {}, "accepts deployments of every organisation"),
        (
            PULUMI,
            "change",
            {},
            {"sub": "pulumi:deploy:org:acme:project:p:stack:*:operation:update:scope:write"},
            "accepts more than one stack of the organisation",
        ),
        (
            PULUMI,
            "change",
            {"sub": "pulumi:deploy:org:acme:project:p:stack:prod:operation:preview:scope:write"},
            {},
            "accepts previews",
        ),
        ("https://issuer.example.com", "change", {"email": "a@example.com"}, {}, "accepts any subject of its issuer"),
        ("http://127.0.0.1:9000", "read", {"sub": "a"}, {}, "trusts an issuer over http on the gateway's own machine"),
    ],
)  # fmt: skip
def test_of_the_other_platforms(
    issuer: str, gives: Gives, claims: dict[str, str], patterns: dict[str, str], expected: str
) -> None:
    """The worst that is found."""
    assert found(issuer, gives, claims, patterns)[0][1] == expected


@pytest.mark.parametrize("audience", ["sts.amazonaws.com", "https://github.com/acme", "sigstore"])
def test_the_audience_of_another_service(audience: str) -> None:
    """Its tokens would open the gateway."""
    claims = {"sub": "repo:acme/infra:environment:groq", **OWNER}
    told = f"takes tokens that are made out to {audience}"
    assert found(GITHUB, "change", claims, audience=audience) == [("medium", told)]
