"""Errors, sorted once at the adapter by what the caller must do."""

from __future__ import annotations


class ForeshockError(Exception):
    """Base of every error a plugin raises on purpose."""


class Retryable(ForeshockError):
    """The same call may be made again, after a pause."""


class Rejected(ForeshockError):
    """The venue's final no. Making the call again changes nothing."""


class Ambiguous(ForeshockError):
    """The outcome is unknown: reconcile, never resend."""


class Fatal(ForeshockError):
    """The plugin cannot go on: its route is disabled and reported."""


class FrameError(ForeshockError):
    """A frame, or one row of it, that cannot be understood. It is counted, kept and reported, never raised to the socket."""
