"""Where a resource is declared: what the server keeps to tell one stack's objects from another's."""

import pulumi


def managed_by() -> str:
    """The stack: `organization/project/stack`."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def declared_as(name: str, opts: pulumi.ResourceOptions | None) -> str:
    """The resource's address inside its stack: its name, below its parent's type where it has a parent."""
    parent = opts.parent if opts is not None else None
    return f"{parent.pulumi_resource_type}${name}" if parent is not None else name
