"""A new plugin project out of the packaged template, a small venue that works and does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from foreshock_cli.exits import CommandError, usage_error

NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
MARK, SUFFIX = "template", ".in"


def make_project(name: str, parent: Path) -> list[Path]:
    """Write the project `foreshock-NAME` under parent; return its files. Raises CommandError before it writes."""
    if not NAME.fullmatch(name):
        hint = "a venue is named by lower-case letters and digits, such as `myvenue`"
        raise usage_error(f"NAME: {name!r} is not a venue's name", hint=hint)
    root = parent / f"foreshock-{name}"
    if root.exists():
        raise CommandError(f"{root} exists already", hint="choose another --dir, or remove it first")
    written = []
    for place, source in _walk(files("foreshock_cli") / MARK, PurePosixPath()):
        target = root / _renamed(str(place), name).removesuffix(SUFFIX)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")
        written.append(target)
    return sorted(written)


def _walk(folder: Traversable, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walk(each, place / each.name)
        elif each.name.endswith(SUFFIX):
            yield place / each.name, each


def _renamed(text: str, name: str) -> str:
    return text.replace(MARK, name).replace(MARK.capitalize(), name.capitalize())
