"""The reference stack: declares what the access file holds and hands out the keys' values.

The file is `access.<stack>.yaml` beside this program where that exists, else `access.yaml`;
`pulumi config set groq:accessFile FILE` names another one. A `policy.yaml` beside it, or the one that
`groq:policyFile` names, holds the rules that it is judged by. `pulumi config set groq:plugin true` declares
the plugin's resources instead of the dynamic ones; a stack that is deployed moves over as it is.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pulumi
from groq_access import GroqAccess

from pulumi_groq.access import load_access
from pulumi_groq.errors import AccessFileError
from pulumi_groq.guardrails import enforce

HERE = Path(__file__).parent
config = pulumi.Config("groq")


def access_file() -> Path:
    """The access file of this stack."""
    of_the_stack = f"access.{pulumi.get_stack()}.yaml"
    usual = of_the_stack if (HERE / of_the_stack).exists() else "access.yaml"
    return HERE / (config.get("accessFile") or usual)


def policy_file() -> Path | None:
    """The rules that the access file is judged by, where there are any."""
    named = config.get("policyFile")
    usual = HERE / "policy.yaml"
    return HERE / named if named else usual if usual.exists() else None


def resources() -> ModuleType:
    """The package whose resources are declared: one program serves both, for they are declared alike."""
    package = "pulumi_groq_sdk" if config.get_bool("plugin") else "pulumi_groq"
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise pulumi.RunError(
            f"groq:plugin is true, and {error.name} is not installed: run `pip install ./sdk/python`, "
            "or `pulumi config rm groq:plugin` for the dynamic resources"
        ) from None


def main() -> None:
    """Declare everything in the access file, or end with one line for each problem in it."""
    try:
        access = load_access(access_file())
        rules = policy_file()
        if rules is not None:
            enforce(rules, access)
    except AccessFileError as error:
        raise pulumi.RunError(str(error)) from None
    for warning in access.warnings:
        pulumi.warn(warning)
    declared = GroqAccess(
        "access",
        access,
        resources(),
        alert_webhook_urls=config.get_secret_object("alertWebhookUrls"),
        alert_webhook_signing_secret=config.get_secret("alertWebhookSigningSecret"),
        allow_delete_in_use=config.get_bool("allowDeleteInUse"),
    )
    pulumi.export("key_ids", declared.key_ids)
    pulumi.export("api_keys", declared.api_keys)
    if declared.admin_keys:
        pulumi.export("admin_keys", declared.admin_keys)


main()
