"""Errors of the codec."""

from __future__ import annotations

from foreshock_sdk.errors import ForeshockError


class CodecError(ForeshockError, ValueError):
    """Bytes that are not what they should be. The message names the field."""
