"""What can go wrong around a run, in words for the person who started it."""

from __future__ import annotations

from foreshock_sdk.errors import ForeshockError


class LabError(ForeshockError):
    """The run cannot be made or cannot go on. The message says what to do."""


class UnreachableError(LabError):
    """Something the run needs does not answer: the Redis that was named, or no server can be had."""
