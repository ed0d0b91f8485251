"""Which calls prove a key's access, and what their answers mean. The calls themselves are made elsewhere."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pulumi_groq.catalogue import Catalogue, CatalogueModel
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.stack_export import StackState
from pulumi_groq.reports.validation.checks import Check, Outcome

SECTION: Final = "access"
_TOOLS: Final = ("browser_search", "code_interpreter")
_AT_A_LIMIT: Final = frozenset(
    {
        (429, "rate_limit_exceeded"),
        (400, "blocked_api_access"),
        (400, "key_budget_exceeded"),
        (400, "key_paused_runaway"),
    }
)
"""Status and code of a refusal that is temporary, or that ends once the limit is raised."""

_ABOVE_A_LIMIT: Final = (413, "rate_limit_exceeded")
"""The answer of a limit that is smaller than the trial call: waiting does not help."""

_REFUSED_UPSTREAM: Final = frozenset(
    {
        (400, "model_decommissioned"),
        (403, "model_permission_blocked_org"),
        (403, "model_permission_blocked_project"),
        (404, "model_not_found"),
    }
)
"""Groq's own refusals of a model (documented). The gateway's own is `model_not_available`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The calls that prove one key. `allowed` costs the price of a few tokens; `denied` must cost nothing,
    and neither must a call to `allowed` with the tool `denied_tool`.

    `works` is false for a disabled or expired key, which has to be refused everywhere.
    """

    name: str
    value: str = field(repr=False)
    models: frozenset[str]
    allowed: str | None
    denied: str | None
    works: bool
    denied_tool: str | None = None


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """The answer to a call: `status` is 0 if there was none, and `why` says so in words."""

    status: int
    code: str | None = None
    models: frozenset[str] = frozenset()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to one key's calls; `None` for a call that was not made."""

    listed: TrialAnswer
    allowed: TrialAnswer | None = None
    denied: TrialAnswer | None = None
    denied_tool: TrialAnswer | None = None


def trials(state: StackState, live: Live, catalogue: Catalogue) -> tuple[list[Trial], list[Check]]:
    """A trial for each key of the stack whose value is known, and a skipped check for each other one."""
    teams = {team.name: frozenset(team.allowed_models) for team in live.teams}
    priced = [model for model in catalogue.models if model.kind == "chat" and model.id in live.priced]
    by_price = sorted(priced, key=_preference)
    planned, skipped = [], []
    for key in state.keys:
        found = live.keys_by_id.get(key.key_id)
        if found is None:
            continue  # reported as missing
        if key.value is None:
            detail = "its value is not in the state that was read (secrets hidden, or an adopted key)"
            skipped.append(Check(SECTION, key.name, "tried for real", Outcome.SKIPPED, detail))
        else:
            planned.append(_trial(key.name, key.value, found, teams, by_price))
    return planned, skipped


def _trial(
    name: str, value: str, key: ApiKey, teams: dict[str, frozenset[str]], by_price: list[CatalogueModel]
) -> Trial:
    models = frozenset(key.allowed_models)
    if key.team is not None:
        models &= teams.get(key.team, frozenset())
    return Trial(
        name=name,
        value=value,
        models=models,
        allowed=_first(model.id for model in by_price if model.id in models),
        denied=_first(model.id for model in by_price if model.id not in models),
        works=key.status in {"active", "paused"},
        denied_tool=_first(tool for tool in _TOOLS if tool not in key.allowed_tools),
    )


def _preference(model: CatalogueModel) -> tuple[bool, int]:
    """Models in service first, then the cheapest."""
    prices = model.prices
    price = (prices.input_token or 0) + (prices.output_token or 0) if prices else 0
    return model.retirement is not None, price


def _first(ids: Iterable[str]) -> str | None:
    return next(iter(ids), None)


def verdicts(trial: Trial, answers: Answers) -> Iterator[Check]:
    """What the answers say about the key."""
    if not trial.works:
        yield _expect(
            trial,
            "refused",
            answers.listed,
            401,
            "invalid_api_key",
            "disabled or expired, and refused with 401",
        )
        return
    yield _listed(trial, answers.listed)
    if answers.allowed is not None:
        yield _served(trial, answers.allowed)
    if answers.denied is not None:
        detail = f"{trial.denied}: refused with 403 before it reached the upstream"
        yield _expect(trial, "denied model", answers.denied, 403, "model_not_available", detail)
    if answers.denied_tool is not None:
        detail = f"{trial.denied_tool}: refused with 403 before it reached the upstream"
        yield _expect(trial, "denied tool", answers.denied_tool, 403, "tool_not_allowed", detail)


def _listed(trial: Trial, answer: TrialAnswer) -> Check:
    check = "models it may call"
    if answer.status != 200:
        return _mismatch(trial, check, f"could not be listed: {_said(answer)}")
    if answer.models != trial.models:
        wanted, got = (", ".join(sorted(models)) or "none" for models in (trial.models, answer.models))
        return _mismatch(trial, check, f"declared {wanted}; the key sees {got}")
    if not answer.models:
        return _mismatch(trial, check, "none: the key's list and its team's have nothing in common")
    return Check(SECTION, trial.name, check, Outcome.OK, ", ".join(sorted(answer.models)))


def _served(trial: Trial, answer: TrialAnswer) -> Check:
    check = "allowed model"
    if answer.status == 200:
        return Check(SECTION, trial.name, check, Outcome.OK, f"{trial.allowed}: answered")
    why, todo = _undecided(answer)
    if why:
        detail = f"{trial.allowed}: {why} ({_said(answer)})"
        return Check(SECTION, trial.name, check, Outcome.SKIPPED, detail, todo)
    return _mismatch(trial, check, f"{trial.allowed}: {_said(answer)}")


def _undecided(answer: TrialAnswer) -> tuple[str, str]:
    """Why an answer neither proves the access nor refutes it, and what to do; empty if it decides."""
    given = (answer.status, answer.code)
    if given in _AT_A_LIMIT:
        return "paused, or at a limit, budget or cap, so the access was not tried", ""
    if given == _ABOVE_A_LIMIT:
        return "a limit is smaller than the trial call, so the access was not tried", ""
    if given in _REFUSED_UPSTREAM:
        return "let through by the gateway, refused by the upstream", "allow a model that Groq serves you"
    return "", ""


def _expect(trial: Trial, check: str, answer: TrialAnswer, status: int, code: str, detail: str) -> Check:
    if (answer.status, answer.code) == (status, code):
        return Check(SECTION, trial.name, check, Outcome.OK, detail)
    return _mismatch(trial, check, f"expected {status} {code}, got {_said(answer)}")


def _mismatch(trial: Trial, check: str, detail: str) -> Check:
    todo = "compare the key and its team: pulumi-groq keys list; then pulumi up --refresh"
    return Check(SECTION, trial.name, check, Outcome.MISMATCH, detail, todo)


def _said(answer: TrialAnswer) -> str:
    return answer.why or f"{answer.status} {answer.code or ''}".rstrip()
