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


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run what CI runs: lint, types, import contracts, tests and coverage. `--fast` leaves out the "
        "end-to-end and chaos tests; everything else goes to pytest.",
        example="foreshock test\nforeshock test --fast\nforeshock test tests/unit/cli -k normalize",
        failed="a check or a test failed",
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="--fast, then pytest's arguments")


def run(args: argparse.Namespace) -> int:
    """Run scripts/check with this very interpreter first on PATH."""
    return run_in_checkout([str(checkout() / CHECK), *args.arguments])


def checkout() -> Path:
    """Return the root of the checkout this package runs from. Raises CommandError outside of one."""
    for folder in Path(__file__).resolve().parents:
        if (folder / CHECK).is_file() and (folder / "protos").is_dir():
            return folder
    raise unreachable("this command needs a checkout of the project", hint="installed packages hold no tests")


def run_in_checkout(command: list[str]) -> int:
    """Run a command at the root of the checkout; return its exit code."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=checkout(), env=environment, check=False).returncode  # noqa: S603 - our own
