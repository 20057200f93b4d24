"""How a command ends: exit codes, and the one error that carries a message for a person."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    """It worked."""
    FAILED = 1
    """The command ran, and the thing it was asked for failed."""
    USAGE = 2
    """The command line makes no sense."""
    UNREACHABLE = 3
    """Something the command needs (Redis, a service, a file of the checkout) is not there."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C, in order."""
    PIPE_CLOSED = 141
    """Whoever read the output went away (`foreshock ... | head`)."""


class CommandError(Exception):
    """An expected failure: `message` says what is wrong, `hint` what to do; shown without a stack trace."""

    def __init__(self, message: str, *, code: Exit = Exit.FAILED, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint


def usage_error(message: str, *, hint: str = "") -> CommandError:
    """Return the error for a command line that makes no sense."""
    return CommandError(message, code=Exit.USAGE, hint=hint)


def unreachable(message: str, *, hint: str = "") -> CommandError:
    """Return the error for something that is needed and not there."""
    return CommandError(message, code=Exit.UNREACHABLE, hint=hint)
