"""What the resource classes have in common: how they register, and how what they did not set is read."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi
from pulumi.dynamic import Resource
from pulumi.runtime.resource import get_resource
from pydantic import BaseModel

from pulumi_groq.lifecycle.default_values import with_default
from pulumi_groq.lifecycle.placement import Place
from pulumi_groq.models.markers import SECRET, marked
from pulumi_groq.resources.provider import PROVIDER, LifecycleProvider, pickled
from pulumi_groq.resources.registration import register

_STACK_TYPE: Final = "pulumi:pulumi:Stack"  # in its children's URNs under mocks alone


class DeclaredResource(Resource):
    """Base of the resource classes. Every property of the state is an `Output` attribute.

    Each property that the SDK is told of costs the program four futures and a task, and each
    annotation of the class is resolved anew for each resource. So the SDK is told of what is set and of
    secrets; the engine is asked for any other property when the program reads it.
    """

    _served_by: ClassVar[Callable[[], LifecycleProvider]]
    _args: ClassVar[type[BaseModel]]
    _state: ClassVar[type[BaseModel]]

    def _register(
        self, resource_name: str, arguments: Mapping[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        """Register a dynamic resource with these arguments; called by the constructor alone.

        Raises `pulumi.RunError` for the option `import_`.
        """
        if opts is not None and opts.import_ is not None:
            # The engine's host of dynamic providers would say '__provider' and no more.
            adopt = f'adopt_key_id="{opts.import_}"' if "adopt_key_id" in arguments else "adopt_existing=True"
            raise pulumi.RunError(
                f"{resource_name}: Pulumi cannot import dynamic resources: take over what exists with "
                f"{adopt} instead of the option import_, or declare the plugin's resource (docs/plugin.md)"
            )
        filled = place(resource_name).fill(self._args, arguments)
        if opts is not None and opts.parent is not None:
            filled["declared_as"] = pulumi.Output.from_input(_address_below(opts.parent, resource_name))
        properties = {**declare(self._state, filled), PROVIDER: pickled(type(self)._served_by)}
        kind = f"pulumi-python:{self._resource_type_name}"
        register(self, kind, resource_name, properties, options_for(self._state, opts))

    @cached_property
    def _registered(self) -> pulumi.Output["_Registered"]:
        return self.urn.apply(lambda urn: _Registered(self, urn))

    if not TYPE_CHECKING:  # so that a checker still finds misspelt names

        def __getattr__(self, name: str) -> pulumi.Output[Any]:
            if name not in self._state.model_fields:
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            kept = self._registered.apply(lambda registered: registered.__dict__[name])
            return kept.apply(lambda value: with_default(self._state, name, value))


class _Registered(pulumi.CustomResource):
    """The resource of that URN as the engine has it: every property of its state is an attribute.

    It is read as the SDK does by a URN alone, and declared by nobody: no transformation sees it.
    """

    generation: pulumi.Output[int]

    def __init__(self, declared: DeclaredResource, urn: str) -> None:
        self._type, self._name = declared.pulumi_resource_type, declared.pulumi_resource_name
        super().__init__(self._type, self._name, dependency=True)
        get_resource(self, dict.fromkeys(declared._state.model_fields), True, urn)


def declare(state: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The `arguments` that are set, and every secret of `state`, wrapped where it is an argument."""
    secret = marked(state, SECRET)
    given = {name: value for name, value in arguments.items() if value is not None}
    wrapped = {
        name: pulumi.Output.secret(value) if name in secret else value for name, value in given.items()
    }
    return {**dict.fromkeys(secret), **wrapped}


def options_for(state: type[BaseModel], opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """`opts` with the secret outputs of `state` named."""
    secrets = pulumi.ResourceOptions(additional_secret_outputs=sorted(marked(state, SECRET)))
    return pulumi.ResourceOptions.merge(opts, secrets)


def by_id(resource_id: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """`opts` for reading an existing object instead of declaring one."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=resource_id))


async def _address_below(parent: pulumi.Resource, name: str) -> str:
    """Where the resource `name` below `parent` is declared; an output of the parent would be a dependency,
    and a component depends on what lies below it.
    """
    return place(name, await parent.urn.future() or "").declared_as


def place(name: str, parent_urn: str = "") -> Place:
    """The place of the resource `name` in the running program's stack, below its parent if it has one."""
    types = parent_urn.split("::")[2] if parent_urn else ""
    parents = types.removeprefix(_STACK_TYPE).removeprefix("$")
    return Place(pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack(), name, parents)
