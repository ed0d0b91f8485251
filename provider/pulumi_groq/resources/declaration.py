"""What a resource class hands to the SDK: properties, options, and where the resource is declared."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import BaseModel

from pulumi_groq.lifecycle.placement import Place
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


def place(name: str, opts: pulumi.ResourceOptions | None) -> Place:
    """The place of the resource `name` in the running program's stack."""
    parent = opts.parent if opts is not None else None
    return Place(
        pulumi.get_organization(),
        pulumi.get_project(),
        pulumi.get_stack(),
        name,
        parent.pulumi_resource_type if parent is not None else None,
    )
