"""The note that a running `demo` or `up` leaves for the other commands: where its Redis is.

It holds a password, so its folder and itself are the user's alone. It goes when the run ends; one that a
killed run left behind is recognised by its process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

NAME = "run.json"


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


def read(where: Path) -> RunNote | None:
    """Return the note of the run that lives, None when there is none."""
    try:
        note = msgspec.json.decode((where / NAME).read_bytes(), type=RunNote)
    except (OSError, msgspec.DecodeError):
        return None
    return note if _alive(note.pid) else None


@contextmanager
def left_at(where: Path, note: RunNote) -> Iterator[None]:
    """Leave the note while the block runs; take away only one's own."""
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = where / NAME
    draft = path.with_suffix(f".{note.pid}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(note))
    draft.replace(path)
    try:
        yield
    finally:
        mine = read(where)
        if mine is not None and mine.pid == note.pid:
            path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
