"""Where the program declares a resource."""

import pulumi

from pulumi_groq.lifecycle.placement import Place


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
