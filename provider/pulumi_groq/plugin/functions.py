"""What a program may ask without declaring anything: models, usage, keys."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from pulumi_groq.admin import AdminClient
from pulumi_groq.lifecycle.properties import Checked, check_inputs
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.fields import Address, Name
from pulumi_groq.models.model import Model
from pulumi_groq.models.spelling import outward
from pulumi_groq.models.usage import Usage
from pulumi_groq.plugin.kinds import token
from pulumi_groq.plugin.spelling import inward


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoArguments(_Question):
    """A question that takes no arguments."""


class KeysArguments(_Question):
    """Which keys to list: those that match every argument given."""

    managed_by: Address | None = None
    name: Name | None = None
    team: Name | None = None


class Models(BaseModel):
    """The models that the gateway serves."""

    models: list[Model]


class Keys(BaseModel):
    """Keys, oldest first, without their values."""

    keys: list[ApiKey]


class Function:
    """One function: `arguments` in, `result` out. `ask` raises GroqError."""

    def __init__(
        self,
        arguments: type[BaseModel],
        result: type[BaseModel],
        description: str,
        ask: Callable[[AdminClient, Any], BaseModel],
    ) -> None:
        self.arguments = arguments
        self.result = result
        self.description = description
        self._ask = ask

    def check(self, values: Mapping[str, Any]) -> Checked:
        """Validate the arguments `values`, in the engine's names."""
        return check_inputs(self.arguments, inward(self.arguments, values))

    def call(self, client: AdminClient, checked: Checked) -> dict[str, Any]:
        """The answer in the engine's names."""
        answer = self._ask(client, self.arguments.model_validate(checked.inputs))
        return outward(self.result, answer.model_dump(mode="json", exclude_none=True))


FUNCTIONS: Final = {
    token("getModels"): Function(
        NoArguments,
        Models,
        "The models that the gateway serves, with their sizes in tokens.",
        lambda client, _: Models(models=client.models()),
    ),
    token("getUsage"): Function(
        NoArguments,
        Usage,
        "Today's and this month's usage, by key and in all. Days and months are UTC.",
        lambda client, _: client.usage(),
    ),
    token("getKeys"): Function(
        KeysArguments,
        Keys,
        "The keys that match every argument given, oldest first, without their values.",
        lambda client, which: Keys(
            keys=list(client.list_keys(managed_by=which.managed_by, name=which.name, team=which.team))
        ),
    ),
}
