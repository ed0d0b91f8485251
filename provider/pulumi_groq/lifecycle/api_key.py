"""The life of an API key."""

from typing import TYPE_CHECKING, Any, Final

from pulumi_groq.lifecycle.key_calls import ApiKeyCalls
from pulumi_groq.lifecycle.key_lifecycle import KeyLifecycle
from pulumi_groq.lifecycle.key_state import ApiKeyArgs, ApiKeyState, settings_of
from pulumi_groq.lifecycle.ownership import NewClaim, random_claim
from pulumi_groq.lifecycle.resource import Notify
from pulumi_groq.models.rotation import RotationSchedule

if TYPE_CHECKING:
    from pulumi_groq.admin import AdminClient, KeyListing

QUIET_HOURS: Final = RotationSchedule().quiet_hours


class ApiKeyLifecycle(KeyLifecycle[ApiKeyArgs, ApiKeyState]):
    """The lifecycle of `GroqApiKey`."""

    args = ApiKeyArgs
    state = ApiKeyState

    def __init__(
        self,
        client: "AdminClient",
        listing: "KeyListing",
        notify: Notify,
        new_claim: NewClaim = random_claim,
    ) -> None:
        super().__init__(ApiKeyCalls(client, listing), notify, new_claim)

    def settings_of(self, key: Any) -> dict[str, object]:
        return settings_of(key)

    def quiet_before_delete_s(self, state: ApiKeyState) -> int | None:
        if state.allow_delete_in_use:
            return None
        return (state.rotation.quiet_hours if state.rotation else QUIET_HOURS) * 3600
