"""The notes that running `demo`s and `up`s leave for the other commands: where their Redis is.

A note holds a password, so its folder and itself are the user's alone. It goes when its run ends; one that a
killed run left behind is recognised by its process, and goes with the next that ends. The newest house is found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

NAMES = "run-*.json"


class RunNote(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says of itself. started: ns UTC."""

    pid: int
    command: str
    redis_url: str
    redis_port: int | None
    partitions: int
    started: int


def folder(env: Mapping[str, str]) -> Path:
    """Return the user's state folder for us (XDG base directory specification)."""
    base = env.get("XDG_STATE_HOME") or str(Path(env.get("HOME") or "~").expanduser() / ".local" / "state")
    return Path(base) / "foreshock"


def made_private(where: Path) -> Path:
    """Make the folder, or tighten it where it is: the user's alone. Raises OSError."""
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    where.chmod(0o700)
    return where


def read(where: Path) -> RunNote | None:
    """Return the note of the newest run that lives, None when there is none."""
    notes = (_noted(path) for path in where.glob(NAMES))
    living = (note for note in notes if note is not None and _alive(note.pid))
    return max(living, key=lambda note: note.started, default=None)


@contextmanager
def left_at(where: Path, note: RunNote) -> Iterator[None]:
    """Leave the note while the block runs; take it away, and those of runs that were killed."""
    path = made_private(where) / NAMES.replace("*", str(note.pid))
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(note))
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        for each in where.glob(NAMES):
            other = _noted(each)
            if other is not None and not _alive(other.pid):
                each.unlink(missing_ok=True)


def _noted(path: Path) -> RunNote | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunNote)
    except (OSError, msgspec.DecodeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
