"""Reads policy.yaml with file and line in every error, by the same strict YAML as the access file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from pulumi_groq.access.document import Node, parse
from pulumi_groq.access.loader import content_of
from pulumi_groq.access.problems import Path, Problems, unknown
from pulumi_groq.access.reading import Reading
from pulumi_groq.reports.guardrails.rules import CHECKS, RuleBase


@dataclass(frozen=True, slots=True)
class Guardrails:
    """A whole policy.yaml. `environments` names the stacks of each environment; `rules` go by their ids."""

    environments: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, RuleBase]

    def rules_of(self, stack: str) -> dict[str, RuleBase]:
        """The rules that hold in `stack`, by id."""
        return {name: rule for name, rule in self.rules.items() if self._holds(rule, stack)}

    def _holds(self, rule: RuleBase, stack: str) -> bool:
        named = rule.environments
        return not named or any(stack in self.environments[environment] for environment in named)


def load_guardrails(path: FilePath, *, advice: str = "check groq:policyFile") -> Guardrails:
    """The rules in the file at `path`; `advice` is for where there is none.

    Raises AccessFileError, with one line for each problem.
    """
    return read_guardrails(content_of(path, advice), path.name)


def read_guardrails(content: bytes, file: str) -> Guardrails:
    """The rules in `content`; `file` is the name that errors begin with. Raises AccessFileError."""
    problems = Problems(file)
    read = _Rules(problems).read(parse(content, problems))
    problems.raise_if_any()
    return read


class _Rules(Reading):
    """Turns the nodes of one file into rules."""

    def read(self, root: Node) -> Guardrails:
        if root.value is None or root.value == {}:
            self._problems.fail(root.line, (), "is empty; declare rules")
        fields = self._mapping(root, (), {"environments", "rules"})
        environments = {
            name: self._stacks(name, node)
            for name, node in self._entries(fields.get("environments"), ("environments",))
        }
        rules = {}
        for name, node in self._entries(fields.get("rules"), ("rules",)):
            rule = self._rule(name, node, environments)
            if rule is not None:
                rules[name] = rule
        return Guardrails(environments, rules)

    def _stacks(self, name: str, node: Node) -> tuple[str, ...]:
        items = node.value if isinstance(node.value, list) else []
        stacks = tuple(item.value for item in items if isinstance(item.value, str) and item.value)
        if not stacks or len(stacks) != len(items):
            self._problems.add(node.line, ("environments", name), "must be a list of names of stacks")
        return stacks

    def _rule(self, name: str, node: Node, environments: Mapping[str, object]) -> RuleBase | None:
        path: Path = ("rules", name)
        check = node.value.get("check") if isinstance(node.value, dict) else None
        kind = str(check.value) if check is not None else ""
        if kind not in CHECKS:
            line = check.line if check is not None else node.line
            words = unknown(kind, CHECKS, "check") if kind else f"must be one of {', '.join(CHECKS)}"
            self._problems.add(line, (*path, "check"), words)
            return None
        model = CHECKS[kind]
        rule = self._model(model, self._mapping(node, path, set(model.model_fields)), node, path, {})
        for index, environment in enumerate(rule.environments if rule else ()):
            if environment not in environments:
                at = ("environments", index)
                self._problems.add(
                    node.line_at(at), (*path, *at), unknown(environment, environments, "environment")
                )
        return rule
