"""From a credential to the caller that it stands for."""

import pytest

from pulumi_groq.gateway.admin.credentials import AdminCredentials, RootKey
from pulumi_groq.policy.roles import ROOT, AdminIdentity

VIEWER = AdminIdentity("adm_1", "viewer")


class OneToken:
    """A source with one token."""

    def identify(self, sent: bytes) -> AdminIdentity | None:
        return VIEWER if sent == b"token" else None

    def recall(self, actor_id: str, _subject: str | None) -> AdminIdentity | None:
        return VIEWER if actor_id == VIEWER.actor_id else None


CREDENTIALS = AdminCredentials([RootKey("root-key"), OneToken()])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(b"root-key", ROOT), (b"token", VIEWER), (b"", None), (b"root-ke", None), (b"tokens", None)],
)
def test_each_source_knows_its_own(sent: bytes, expected: AdminIdentity | None) -> None:
    """Nobody is named for what no source knows."""
    assert CREDENTIALS.identify(sent) == expected


@pytest.mark.parametrize(
    ("actor_id", "subject", "expected"),
    [("root", None, ROOT), ("adm_1", None, VIEWER), ("adm_2", None, None), ("root", "repo:x", None)],
)
def test_a_caller_is_recalled_by_its_name(
    actor_id: str, subject: str | None, expected: AdminIdentity | None
) -> None:
    """With the rights of the moment, by the source that named it."""
    assert CREDENTIALS.recall(actor_id, subject) == expected
