"""`/openai/v1/spend-policy`."""

from typing import Final

from fastapi import APIRouter

from pulumi_groq.gateway.admin.authorization import CallerOf, takes
from pulumi_groq.gateway.admin.openapi import body_errors, errors
from pulumi_groq.gateway.admin.routes.claim import GivenUp, TakeOver
from pulumi_groq.gateway.admin.spending import Spending
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.spend_policy import SpendPolicy, SpendPolicyWrite

PATH: Final = "/openai/v1/spend-policy"


def spending_routes(spending: Spending) -> APIRouter:
    """The routes over their handlers."""
    router = APIRouter(prefix=PATH, tags=["Spending"])

    @router.get("", responses=errors(404), openapi_extra=takes("spending.read"))
    def show_spend_policy(caller: CallerOf) -> SpendPolicy:
        """Show the spending policy and where the month stands."""
        return spending.show(caller)

    @router.put("", responses=body_errors(409), openapi_extra=takes("spending.write"))
    def put_spend_policy(
        caller: CallerOf, body: SpendPolicyWrite, take_over: TakeOver = False
    ) -> SpendPolicy:
        """Replace the whole spending policy."""
        return spending.put(caller, body, take_over=take_over)

    @router.delete("", responses=errors(404), openapi_extra=takes("spending.write"))
    def delete_spend_policy(caller: CallerOf, claim: GivenUp = None) -> Deleted:
        """Have no spending policy: no cap, no alerts."""
        return spending.delete(caller, claim)

    return router
