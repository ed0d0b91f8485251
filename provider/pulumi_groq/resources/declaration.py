"""What a resource class hands to the SDK: properties and options, derived from the state's model."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import BaseModel

from pulumi_groq.models.markers import SECRET, marked


def declare(state: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` with secret ones wrapped, and every output of `state` announced."""
    secret = marked(state, SECRET)
    outputs = dict.fromkeys(state.model_fields)
    wrapped = {
        name: pulumi.Output.secret(value) if name in secret and value is not None else value
        for name, value in arguments.items()
    }
    return {**outputs, **wrapped}


def options_for(state: type[BaseModel], opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """`opts` with the secret outputs of `state` named."""
    secrets = pulumi.ResourceOptions(additional_secret_outputs=sorted(marked(state, SECRET)))
    return pulumi.ResourceOptions.merge(opts, secrets)


def by_id(resource_id: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """`opts` for reading an existing object instead of declaring one."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=resource_id))
