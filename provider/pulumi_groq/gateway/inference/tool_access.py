"""What a key may let the upstream do beyond the body, and the most that this can cost."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pulumi_groq.catalogue import Catalogue, CatalogueModel
from pulumi_groq.gateway.http.refusal import Refusal, bad_request
from pulumi_groq.gateway.inference.reach.needs import not_permitted
from pulumi_groq.models.tools import CONTENT, MCP
from pulumi_groq.policy.access import KeyAccess

REMOTE_USES: Final = 10
"""Calls of one remote MCP server in a request, where the price list does not say how many there can be."""


class Beyond(NamedTuple):
    """The worst of what is not in the body.

    `turns` are the times that the model may be called: once, and once more after each use of a tool. In
    each it may read its whole context window. `fee_micro_usd` is the price of all uses.
    """

    turns: int
    fee_micro_usd: int


class ToolAccess:
    """The price list's tools as far as a key may use them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def permit(
        self, key: KeyAccess, model: CatalogueModel, models: Iterable[str], reach: Mapping[str, str]
    ) -> Beyond | None:
        """What a request with this `reach`, to `models`, may cause when the key may do all of it.

        `None` where nothing reaches beyond the body. Raises `Refusal`: 403 `tool_not_allowed`, 400
        `tool_not_priced`.
        """
        needed = dict(reach)
        for model_id in models:
            run = self._catalogue.get(model_id)
            for tool in sorted(run.runs_tools) if run is not None else ():
                needed.setdefault(tool, "model")
        if not needed:
            return None
        for permission, path in needed.items():
            if not _has(key, permission):
                raise not_permitted(permission, path)
        if model.context_window is None:
            path = next(iter(needed.values()))
            raise bad_request(
                f"{path} cannot be served: the price list does not know the context window of `{model.id}`, "
                "and so not how much it may read. Tell the operator.",
                param=path,
            )
        uses = fee = 0
        for permission, path in needed.items():
            of_this, fee_of_this = self._worst(permission, path)
            uses += of_this
            fee += fee_of_this
        return Beyond(1 + uses, fee)

    def _worst(self, permission: str, path: str) -> tuple[int, int]:
        """The most uses, and their price in micro-dollars."""
        if permission in CONTENT:
            return 0, 0
        price = self._catalogue.tool(permission)
        if price is not None:
            return price.max_uses, price.max_uses * price.micro_usd_per_call
        if permission.startswith(MCP):
            return REMOTE_USES, 0
        raise _not_priced(permission, path)


def _has(key: KeyAccess, permission: str) -> bool:
    if permission == MCP:  # a server that was named by an earlier request
        return any(each.startswith(MCP) for each in key.tools)
    return permission in key.tools


def _not_priced(permission: str, path: str) -> Refusal:
    message = f"The tool `{permission}` has no price here, so its use cannot be charged. Tell the operator."
    return bad_request(message, param=path, code="tool_not_priced")
