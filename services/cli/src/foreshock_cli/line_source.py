"""Lines of a file, of stdin or of a gzip of either, in batches as they become available."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from foreshock_cli.exits import CommandError, unreachable
from foreshock_lab import recording_file
from foreshock_lab.domain import recording
from foreshock_lab.errors import LabError


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Open a file by name, `-` for stdin; unpack gzip. Raises CommandError when it cannot be opened."""
    if name == "-":
        yield recording_file.unpacked(sys.stdin.buffer)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below, after the caller is done
    except OSError as error:
        raise unreachable(f"cannot read {name}: {error.strerror}") from error
    with file:
        yield recording_file.unpacked(file)


def batches(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield whatever complete lines have come, without line ends; the last may lack its own.

    A pipe's lines come as soon as they are written. Raises CommandError when a gzip file is damaged,
    after all that could be read.
    """
    return recording.batches(_chunks(stream))


def whole(name: str) -> bytes:
    """Read a file or stdin at once."""
    with opened(name) as stream:
        return b"".join(_chunks(stream))


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    try:
        yield from recording_file.chunks(stream)
    except LabError as error:
        raise CommandError(str(error)) from error
    except IsADirectoryError as error:
        raise unreachable("that is a folder, not a file") from error
