"""Finds a plugin (a project, a wheel, an installed one) and has its conformance checked in a process of its own."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import NamedTuple

import msgspec

from foreshock_cli.conformance import Report, Rule
from foreshock_cli.exits import unreachable, usage_error
from foreshock_sdk.hookspecs import ENTRY_POINT_GROUP

SECONDS = 300.0


class Target(NamedTuple):
    """A plugin to check: its name, `module[:object]`, and the folders it is imported from."""

    name: str
    place: str
    paths: tuple[str, ...] = ()


def check_all(what: str, seconds: float = SECONDS) -> list[Report]:
    """Check every plugin that a path or name stands for. Raises CommandError when there is none."""
    with tempfile.TemporaryDirectory(prefix="foreshock-check-") as scratch:
        return [_checked(target, Path(scratch), seconds) for target in targets(what, Path(scratch))]


def targets(what: str, scratch: Path) -> list[Target]:
    """Find the plugins. Raises CommandError."""
    path = Path(what)
    if path.is_dir():
        return _in_project(path.resolve())
    if path.suffix == ".whl":
        return _in_wheel(path, scratch / "wheel")
    if os.sep in what or path.exists():
        raise unreachable(f"{what} is neither a project's folder nor a wheel")
    installed = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == what]
    if not installed:
        names = ", ".join(sorted(point.name for point in entry_points(group=ENTRY_POINT_GROUP)))
        raise unreachable(
            f"no plugin {what!r} is installed", hint=f"there are {names}; a project is given by its folder"
        )
    return [Target(point.name, point.value, _where(point)) for point in installed]


def _where(point: EntryPoint) -> tuple[str, ...]:
    return (str(point.dist.locate_file("")),) if point.dist else ()


def _in_project(folder: Path) -> list[Target]:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise unreachable(f"{folder / 'pyproject.toml'} cannot be read: {error}") from None
    points = project.get("project", {}).get("entry-points", {}).get(ENTRY_POINT_GROUP, {})
    if not points:
        raise usage_error(
            f"{folder} names no plugin", hint=f"pyproject.toml: [project.entry-points.{ENTRY_POINT_GROUP}]"
        )
    source = folder / "src" if (folder / "src").is_dir() else folder
    return [Target(name, place, (str(source),)) for name, place in sorted(points.items())]


def _in_wheel(wheel: Path, scratch: Path) -> list[Target]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(scratch)
    except (OSError, zipfile.BadZipFile) as error:
        raise unreachable(f"{wheel} cannot be read: {error}") from None
    points = configparser.ConfigParser(delimiters=("=",))
    points.read(scratch.glob("*.dist-info/entry_points.txt"), encoding="utf-8")
    if not points.has_section(ENTRY_POINT_GROUP):
        raise usage_error(f"{wheel} names no plugin")
    return [Target(name, place, (str(scratch),)) for name, place in points[ENTRY_POINT_GROUP].items()]


def _checked(target: Target, scratch: Path, seconds: float) -> Report:
    command = [sys.executable, "-P", "-m", "foreshock_cli.conformance", target.name, target.place]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            command,
            env=_environment(target.paths, scratch),
            cwd=scratch,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Report(target.name, [Rule("", "it_comes_to_an_end", f"it was stopped after {seconds:g} s")])
    try:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Report)
    except (IndexError, msgspec.DecodeError):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return Report(target.name, [Rule("", "it_survives_the_check", f"exit code {done.returncode}: {''.join(last)}")])


def _environment(paths: Sequence[str], scratch: Path) -> dict[str, str]:
    """Return an environment that holds nothing of the caller's: foreign code shall not read his secrets."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
