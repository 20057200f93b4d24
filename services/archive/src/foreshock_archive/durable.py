"""Files that are whole or not there, also after a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

DRAFT = ".draft"
"""How the name of a file ends that is not finished; no reader looks for it."""


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Make a file by `write`, under its own name only when all of it is on the disk. Raises OSError."""
    draft = path.with_name(f".{path.name}{DRAFT}")
    write(draft)
    _sync(draft)
    draft.replace(path)


def make_folder(path: Path, above: Path) -> None:
    """Make a folder below `above`, so that its name is on the disk. Raises OSError."""
    if path.is_dir():
        return
    path.mkdir(parents=True, exist_ok=True)
    for each in (path, *path.parents):
        if each == above:
            break
        _sync(each.parent)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk. Raises OSError."""
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
