"""How well an identity's claims tell the trusted workload from everybody else at the same issuer.

The shapes of subjects are those that the platforms document: GitHub Actions ("About security hardening with
OpenID Connect"), GitLab CI ("ID token payload"), Kubernetes (service account tokens) and Pulumi Deployments.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from pulumi_groq.policy.claims import unfit_claims

Grade = Literal["high", "medium", "low"]
Gives = Literal["change", "read", "use"]
"""What a credential may: change something on the admin plane, read there, or use models."""

_GRADES: Final[tuple[Grade, ...]] = ("high", "medium", "low")
_SHARED_AUDIENCES: Final = (
    "sts.amazonaws.com",
    "api://AzureADTokenExchange",
    "//iam.googleapis.com/",
    "https://iam.googleapis.com/",
    "https://github.com/",
    "https://gitlab.com",
    "https://kubernetes.default.svc",
    "sigstore",
    "vault",
)
"""What tokens for others are made out to; the beginnings of audiences."""


_MANY_JOBS: Final = {
    "ref:": "branch",
    "ref:refs/": "branch",
    "ref:refs/heads/": "branch",
    "ref:refs/tags/": "tag",
    "environment:": "environment",
}
"""How the end of a GitHub subject begins, and of what it names one."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens an identity trusts, and what for."""

    issuer: str
    audience: str
    claims: Mapping[str, str]
    claim_patterns: Mapping[str, str]
    gives: Gives

    @property
    def subject(self) -> str | None:
        """What `sub` has to be like; `None` where anything will do."""
        pattern = self.claim_patterns.get("sub", "")
        return self.claims.get("sub") or (pattern if pattern.strip("*:") else None)

    def narrowed_by(self, *names: str) -> bool:
        """Whether one of these claims has to have a certain value, or one like it."""
        told = (self.claims.get(name) or self.claim_patterns.get(name, "").strip("*:") for name in names)
        return any(told)

    def accepts_subject(self, subject: str) -> bool:
        """Whether a token with this subject would fit, as far as the subject decides."""
        exact = {name: value for name, value in self.claims.items() if name == "sub"}
        patterns = {name: value for name, value in self.claim_patterns.items() if name == "sub"}
        return not unfit_claims({"sub": subject}, exact, patterns)


class Weakness(NamedTuple):
    """Who else would be trusted: `what` is accepted, `why` that matters, what `todo`."""

    grade: Grade
    what: str
    why: str
    todo: str


def weaknesses(trust: Trust) -> tuple[Weakness, ...]:
    """What is unsafe about `trust`, the worst first."""
    return tuple(sorted(_weaknesses(trust), key=lambda each: _GRADES.index(each.grade)))


def _weaknesses(trust: Trust) -> Iterator[Weakness]:
    subject = trust.subject or ""
    if "://token.actions." in trust.issuer or trust.issuer.endswith("/_services/token"):
        yield from _of_github(trust)
    elif trust.issuer.startswith("https://api.pulumi.com"):
        yield from _of_pulumi(trust)
    elif trust.issuer == "https://gitlab.com" or subject.startswith("project_path:"):
        yield from _of_gitlab(trust)
    elif subject.startswith("system:serviceaccount:"):
        yield from _of_kubernetes(trust)
    elif not subject:
        yield Weakness(
            "high" if trust.gives == "change" else "medium",
            "accepts any subject of its issuer",
            "Whoever has a token of that issuer with these claims is trusted.",
            "Name the workload by its `sub`.",
        )
    if trust.audience.startswith(_SHARED_AUDIENCES) and not trust.issuer.startswith("https://api.pulumi.com"):
        yield Weakness(
            "medium",
            f"takes tokens that are made out to {trust.audience}",
            "They are for another service, and whoever gets one there can use it here.",
            "Name the gateway's own address as audience, and ask for it in the job.",
        )
    if trust.issuer.startswith("http:"):
        yield Weakness(
            "medium",
            "trusts an issuer over http on the gateway's own machine",
            "Whoever runs a process there can sign tokens.",
            "Use this for development only.",
        )


def _worse(trust: Trust) -> Grade:
    return "medium" if trust.gives == "read" else "high"


def _of_github(trust: Trust) -> Iterator[Weakness]:
    subject = trust.subject or ""
    repository, _, job = subject.removeprefix("repo:").partition(":")
    owner, _, name = repository.partition("/")
    is_usual = subject.startswith("repo:")
    named_otherwise = trust.narrowed_by("repository", "repository_id")
    if not (subject or named_otherwise or trust.narrowed_by("repository_owner", "repository_owner_id")) or (
        is_usual and "*" in owner and not named_otherwise
    ):
        yield Weakness(
            "high",
            "accepts repositories of other owners",
            "Anybody can have a repository at GitHub, and a workflow in it can ask for any audience.",
            "Name owner and repository: `repo:OWNER/REPO:...`, beside `repository_owner_id`.",
        )
    elif not named_otherwise and (not subject or (is_usual and "*" in name)):
        yield Weakness(
            _worse(trust),
            "accepts more than one repository of the owner",
            "Whoever may create a repository there has the identity's rights.",
            "Name the repository.",
        )
    if not trust.narrowed_by("environment", "ref", "workflow_ref", "job_workflow_ref"):
        yield from _github_job(trust, f"repo:{repository}:" if is_usual else "", job)
    if subject and not trust.narrowed_by("repository_id", "repository_owner_id", "enterprise_id"):
        yield Weakness(
            "low",
            "knows the owner by name alone",
            "Whoever registers the name after it was given up is trusted.",
            "Add `repository_owner_id` or `repository_id` to the claims.",
        )


def _github_job(trust: Trust, repository: str, job: str) -> Iterator[Weakness]:
    if not trust.subject or ("*" in job and not job.strip("*:/")):
        yield Weakness(
            _worse(trust),
            "accepts every branch and pull request",
            "A pull request runs whatever its branch holds, with the identity's rights.",
            "Name an environment or a branch in `sub`.",
        )
        return
    if repository and trust.gives != "read" and trust.accepts_subject(f"{repository}pull_request"):
        yield Weakness(
            "high" if trust.gives == "change" else "medium",
            "accepts pull requests",
            "A pull request runs whatever its branch holds, with the identity's rights.",
            "Name an environment or a branch; for pull requests declare an identity that may only read.",
        )
    for beginning, kind in _MANY_JOBS.items():
        if job.startswith(beginning) and "*" in job and not job.removeprefix(beginning).strip("*/"):
            yield Weakness(
                "medium",
                f"accepts every {kind}",
                "One that nobody reviews will do, and whoever may make it has the identity's rights.",
                f"Name the {kind}, and protect it.",
            )


def _of_gitlab(trust: Trust) -> Iterator[Weakness]:
    parts = _pairs(trust.subject, "project_path")
    project = parts.get("project_path", "")
    if not trust.narrowed_by("project_id") and (not project or "*" in project):
        yield Weakness(
            "high" if not project.partition("/")[0].strip("*") else _worse(trust),
            "accepts more than one project",
            "Whoever may create such a project has the identity's rights.",
            "Name the project: `project_path:GROUP/PROJECT:...`, beside `project_id`.",
        )
    ref = parts.get("ref", "").strip("*")
    if not ref and not trust.narrowed_by("ref", "environment", "ref_protected"):
        yield Weakness(
            _worse(trust),
            "accepts every branch",
            "Whoever may push a branch, or open a merge request from one, has the identity's rights.",
            "Name the branch in `sub`, or add `ref_protected`: `true`.",
        )
    if project and not trust.narrowed_by("project_id", "namespace_id"):
        yield Weakness(
            "low",
            "knows the project by name alone",
            "Whoever registers the name after it was given up is trusted.",
            "Add `project_id` to the claims.",
        )


def _of_kubernetes(trust: Trust) -> Iterator[Weakness]:
    *_, namespace, account = f"{trust.subject}::".split(":")[:4]
    if not namespace.strip("*"):
        yield Weakness(
            "high",
            "accepts service accounts of every namespace",
            "Whoever may run a pod anywhere in the cluster has the identity's rights.",
            "Name namespace and service account: `system:serviceaccount:NAMESPACE:NAME`.",
        )
    elif "*" in namespace or not account.strip("*"):
        yield Weakness(
            "medium",
            "accepts more than one namespace"
            if "*" in namespace
            else "accepts every account of the namespace",
            "Whoever may run a pod there has the identity's rights.",
            "Name the service account.",
        )
    elif account == "default":
        yield Weakness(
            "low",
            "accepts the namespace's default account",
            "Every pod that names no account of its own runs under it.",
            "Give the workload a service account of its own.",
        )


def _of_pulumi(trust: Trust) -> Iterator[Weakness]:
    parts = _pairs((trust.subject or "").removeprefix("pulumi:deploy:"), "org")
    if not parts.get("org", "").strip("*"):
        yield Weakness(
            "high",
            "accepts deployments of every organisation",
            "Anybody can have one at Pulumi.",
            "Name it: `pulumi:deploy:org:ORG:project:PROJECT:stack:STACK:...`.",
        )
    elif "*" in parts.get("project", "*") or "*" in parts.get("stack", "*"):
        yield Weakness(
            "medium",
            "accepts more than one stack of the organisation",
            "Whoever may deploy any of them has the identity's rights.",
            "Name project and stack.",
        )
    operation = parts.get("operation", "*")
    if trust.gives == "change" and (operation == "preview" or "*" in operation):
        yield Weakness(
            "high",
            "accepts previews",
            "A preview of a pull request runs whatever its branch holds, with the identity's rights.",
            "Name `operation:update`; give previews an identity of their own that may only read.",
        )


def _pairs(subject: str | None, first: str) -> dict[str, str]:
    """`a:1:b:2` as names and values; empty where it does not begin with `first`."""
    words = (subject or "").split(":")
    if words[0] != first:
        return {}
    return dict(zip(words[::2], words[1::2], strict=False))
