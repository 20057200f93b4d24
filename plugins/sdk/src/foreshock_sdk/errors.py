"""Errors, sorted once at the adapter by what the caller must do."""

from __future__ import annotations


class ForeshockError(Exception):
    """Base of every error a plugin raises on purpose."""


class Retryable(ForeshockError):  # noqa: N818 - what the caller must do is the name
    """The same call may be made again, after a pause."""


class Rejected(ForeshockError):  # noqa: N818 - what the caller must do is the name
    """The venue's final no. Making the call again changes nothing."""


class Ambiguous(ForeshockError):  # noqa: N818 - what the caller must do is the name
    """The outcome is unknown: reconcile, never resend."""


class Fatal(ForeshockError):  # noqa: N818 - what the caller must do is the name
    """The plugin cannot go on: its route is disabled and reported."""


class FrameError(ForeshockError):
    """A frame, or one row of it, that cannot be understood: counted, kept and reported, never raised to the socket."""


class OptionError(ForeshockError):
    """An operator's option that a connector cannot take: its name, the value given, and why not."""

    def __init__(self, option: str, value: object, why: str) -> None:
        super().__init__(f"{option}: {value!r}: {why}")
        self.option = option
