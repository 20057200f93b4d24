"""One number for the whole content of a stream, so that two runs can be told equal or not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256


class StreamHash:
    """SHA-256 over every entry in order: its id, then each field's name and value, each with its length.

    Nothing is left out: no field of a signal tells of the host, or of how long anything took.
    """

    def __init__(self) -> None:
        self.entries = 0
        self._hash = sha256()

    def add(self, entry_id: str, fields: Mapping[bytes, bytes]) -> None:
        """Take the next entry."""
        self.entries += 1
        self._hash.update(b"%d\n%b\n%d\n" % (len(entry_id), entry_id.encode(), len(fields)))
        for name, value in fields.items():
            self._hash.update(b"%d\n%b%d\n" % (len(name), name, len(value)))
            self._hash.update(value)

    def hexdigest(self) -> str:
        """Return it in hexadecimal."""
        return self._hash.hexdigest()
