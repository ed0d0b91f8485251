"""`/openai/v1/usage` and the admin's `/openai/v1/models`."""

from typing import Final

from fastapi import APIRouter

from pulumi_groq.gateway.admin.authorization import CallerOf, takes
from pulumi_groq.gateway.admin.openapi import errors
from pulumi_groq.gateway.admin.reporting import Reporting
from pulumi_groq.models.model import ModelPage
from pulumi_groq.models.usage import Usage

USAGE_PATH: Final = "/openai/v1/usage"
MODELS_PATH: Final = "/openai/v1/models"


def reporting_routes(reporting: Reporting) -> APIRouter:
    """The routes over their handlers."""
    router = APIRouter(tags=["Usage"])

    @router.get(USAGE_PATH, responses=errors(), openapi_extra=takes("usage.read"))
    def show_usage(caller: CallerOf) -> Usage:
        """Usage by key, today and this month (UTC)."""
        return reporting.usage(caller)

    @router.get(MODELS_PATH, responses=errors(), openapi_extra=takes("models.read"))
    def list_models() -> ModelPage:
        """The models that a key may be given. A gateway key sees its own models here."""
        return reporting.models()

    return router
