"""`foreshock bench`: the benchmarks of this checkout."""

from __future__ import annotations

import argparse

from foreshock_cli.commands.test import checkout, run_in_checkout
from foreshock_cli.parser import describe

PASSES_ON = True
"""Words that are not its own go on to what it runs."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run the tests marked `bench`: ratios are asserted, absolute figures are printed. Arguments go to pytest.",
        example="foreshock bench -k decode",
        failed="a ratio was missed",
    )
    parser.usage = "foreshock bench [-h] [PYTEST ARGUMENTS]"


def run(args: argparse.Namespace) -> int:
    """Run them, figures shown: all of tests/bench unless the arguments name a place."""
    root = checkout()
    named = any((root / word.partition("::")[0]).exists() for word in args.arguments if not word.startswith("-"))
    pytest = ["-m", "pytest", "-m", "bench", "-s", "--timeout=900", *args.arguments]
    return run_in_checkout([*pytest, *([] if named else ["tests/bench"])])
