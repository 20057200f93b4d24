"""`foreshock bench`: the benchmarks of this checkout."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from foreshock_cli.commands.test import checkout, run_in_checkout
from foreshock_cli.parser import add_json, describe

PASSES_ON = True
"""Words that are not its own go on to what it runs."""
PLACE = Path("tests", "bench")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run the tests marked `bench`: ratios are asserted, absolute figures are printed. A first word like `velocity` "
        "chooses one file of them; other arguments go to pytest.",
        example="foreshock bench -k decode\nforeshock bench velocity --json",
        failed="a ratio was missed",
    )
    add_json(parser, "print the machine and the figures that were recorded as JSON on stdout, all else on stderr")
    parser.usage = "foreshock bench [-h] [--json] [NAME] [PYTEST ARGUMENTS]"


def run(args: argparse.Namespace) -> int:
    """Run them, figures shown: all of tests/bench unless the arguments name a place."""
    root, words = checkout(), list(args.arguments)
    if words and (root / PLACE / f"test_{words[0]}_bench.py").exists():
        words[0] = str(PLACE / f"test_{words[0]}_bench.py")
    named = any((root / word.partition("::")[0]).exists() for word in words if not word.startswith("-"))
    pytest = ["-m", "pytest", "-m", "bench", "-s", "--timeout=900", *words, *([] if named else [str(PLACE)])]
    if not args.json:
        return run_in_checkout(pytest)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.json")
        with _stdout_to_stderr():
            code = run_in_checkout([*pytest, f"--figures={file}"])
        if file.exists():
            print(file.read_text(encoding="utf-8"))
    return code


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Let this process and those it starts write to stderr instead of stdout."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
