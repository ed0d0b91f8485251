"""The values of keys: made here, shown once, kept as a digest and the last four characters."""

import hashlib
import string
from dataclasses import dataclass, field
from random import Random
from typing import Final

PREFIX: Final = "pgq_"
ADMIN_PREFIX: Final = "pgqadm_"
"""Of the values of admin keys: no API key begins like one, nor the other way round."""
CREDENTIAL_PREFIX: Final = "pgqt_"
"""Of what workload identities are given; see `identity.credentials`."""

_ALPHABET: Final = string.ascii_letters + string.digits
_LENGTH: Final = 48


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A new key's value and what is kept of it."""

    value: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """The SHA-256 digest by which the key is found."""
        return hashlib.sha256(self.value.encode()).digest()

    @property
    def last_four(self) -> str:
        """What people recognise the key by."""
        return self.value[-4:]


class KeyValues:
    """Makes values with 285 bits from `random`, which must be the system's."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def new(self, prefix: str = PREFIX) -> KeyValue:
        """A value that nobody has seen yet."""
        return KeyValue(prefix + "".join(self._random.choices(_ALPHABET, k=_LENGTH)))
