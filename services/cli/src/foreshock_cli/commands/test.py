"""`foreshock test`: every check and test of this checkout."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from foreshock_cli.exits import unreachable
from foreshock_cli.parser import describe

CHECK = Path("scripts", "check")

PASSES_ON = True
"""Words that are not its own go on to what it runs."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run what CI runs: lint, types, import contracts, tests and coverage. `--fast` leaves out the "
        "end-to-end and chaos tests; everything else goes to pytest.",
        example="foreshock test\nforeshock test --fast\nforeshock test tests/unit/cli -k normalize",
        failed="a check or a test failed",
    )
    parser.usage = "foreshock test [-h] [--fast] [PYTEST ARGUMENTS]"


def run(args: argparse.Namespace) -> int:
    """Run scripts/check."""
    return run_in_checkout([str(checkout() / CHECK), *args.arguments])


def checkout() -> Path:
    """Return the root of the checkout this package runs from. Raises CommandError outside of one."""
    for folder in Path(__file__).resolve().parents:
        if (folder / CHECK).is_file() and (folder / "protos").is_dir():
            return folder
    raise unreachable("this command needs a checkout of the project", hint="installed packages hold no tests")


def run_in_checkout(arguments: list[str]) -> int:
    """Run this very Python at the root of the checkout, its tools first on PATH; return the exit code."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=checkout(), env={**os.environ, "PATH": path}, check=False).returncode  # noqa: S603 - our own
