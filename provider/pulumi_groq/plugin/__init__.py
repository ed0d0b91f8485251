"""The native Pulumi plugin: the engine's protocol over the same lifecycles as the dynamic resources."""
