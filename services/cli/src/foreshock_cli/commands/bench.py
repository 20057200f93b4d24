"""`foreshock bench`: the benchmarks of this checkout."""

from __future__ import annotations

import argparse
import sys

from foreshock_cli.commands.test import run_in_checkout
from foreshock_cli.parser import describe


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run the tests marked `bench`: ratios are asserted, absolute figures are printed. Arguments go to pytest.",
        example="foreshock bench -k decode",
        failed="a ratio was missed",
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="pytest's arguments")


def run(args: argparse.Namespace) -> int:
    """Run them, figures shown."""
    pytest = [sys.executable, "-m", "pytest", "-m", "bench", "-s", "--timeout=900"]
    return run_in_checkout([*pytest, *(args.arguments or ["tests/bench"])])
