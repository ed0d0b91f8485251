"""A key's value in OpenBao or HashiCorp Vault, as a Pulumi dynamic resource: copy this file as it is.

Where `pulumi-vault` and its plugin can be had, `vault.kv.SecretV2` does the writing; this one needs nothing
but `hvac`, and destroys a rotated key's old version as soon as the key itself is retired.

Address and token come from `BAO_ADDR` and `BAO_TOKEN`, or else `VAULT_ADDR` and `VAULT_TOKEN`.
"""

import os
from typing import Any

import hvac
import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

INPUTS = ("mount", "path", "value", "key_id", "previous_key_id")


def client() -> hvac.Client:
    """The server that the environment names. Raises KeyError that names the missing variable."""
    environment = os.environ
    return hvac.Client(
        url=environment.get("BAO_ADDR") or environment["VAULT_ADDR"],
        token=environment.get("BAO_TOKEN") or environment["VAULT_TOKEN"],
    )


class OpenBaoSecretProvider(ResourceProvider):
    """Writes a version for each value, and destroys the versions of keys that are gone."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """The first version."""
        return CreateResult(f"{props['mount']}/{props['path']}", self._written(props, {}))

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:  # noqa: ARG002
        """Another place is another secret; a value or a key that came or went is an update."""
        moved = [name for name in ("mount", "path") if olds[name] != news[name]]
        changed = any(olds.get(name) != news.get(name) for name in INPUTS)
        return DiffResult(changes=changed, replaces=moved, delete_before_replace=False)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:  # noqa: ARG002
        """A version for a new value; the versions of retired keys go."""
        return UpdateResult(self._written(news, olds))

    def delete(self, id_: str, props: dict[str, Any]) -> None:  # noqa: ARG002
        """All versions, and that there ever were any."""
        client().secrets.kv.v2.delete_metadata_and_all_versions(
            path=props["path"], mount_point=props["mount"]
        )

    def _written(self, news: dict[str, Any], olds: dict[str, Any]) -> dict[str, Any]:
        kv = client().secrets.kv.v2
        place = {"path": news["path"], "mount_point": news["mount"]}
        versions: dict[str, int] = {key: int(number) for key, number in olds.get("versions", {}).items()}
        if news["key_id"] not in versions or olds.get("value") != news["value"]:
            secret = {"api_key": news["value"], "key_id": news["key_id"]}
            answer = kv.create_or_update_secret(secret=secret, **place)
            if news["key_id"] in versions:
                kv.destroy_secret_versions(versions=[versions[news["key_id"]]], **place)
            versions[news["key_id"]] = answer["data"]["version"]
        living = {news["key_id"], news.get("previous_key_id")}
        retired = [number for key, number in versions.items() if key not in living]
        if retired:
            kv.destroy_secret_versions(versions=retired, **place)
        left = {key: number for key, number in versions.items() if key in living}
        return {**{name: news.get(name) for name in INPUTS}, "versions": left}


class OpenBaoSecret(Resource):
    """`value` under `path` of the KV version 2 engine at `mount`, as `api_key`.

    While a rotation's `previous_key_id` still works, its version stays readable.
    """

    versions: pulumi.Output[dict[str, int]]

    def __init__(
        self,
        name: str,
        *,
        path: str,
        value: pulumi.Input[str | None],
        key_id: pulumi.Input[str],
        previous_key_id: pulumi.Input[str | None],
        mount: str = "secret",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {"mount": mount, "path": path, "key_id": key_id, "previous_key_id": previous_key_id}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(
            OpenBaoSecretProvider(),
            name,
            {**arguments, "value": pulumi.Output.secret(value), "versions": None},
            pulumi.ResourceOptions.merge(secret, opts),
        )
