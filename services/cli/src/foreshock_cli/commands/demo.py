"""`foreshock demo`: everything on this machine against simulated venues."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from foreshock_cli import summary_view, terminal
from foreshock_cli.exits import Exit
from foreshock_cli.parser import add_json, describe, natural, positive, seconds
from foreshock_cli.running import Run, add_display, to_end, view_for
from foreshock_lab.demo import LARGEST_VENUES, DemoOptions, run_demo
from foreshock_lab.domain.scenario import SCENARIOS
from foreshock_lab.summary import Summary

LONGEST = 86_400.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run the whole house (feeds, velocity, signals and a Redis of its own) against simulated servers that speak "
        "the venues' real protocols, and compare what came out with what the venues "
        "sent. On a terminal it is shown live. While it runs, redis-cli reads what is published and `foreshock "
        "signals`, `status` and `config` find it.\n\n"
        + "\n".join(f"  {name:<9}{each.summary}" for name, each in SCENARIOS.items()),
        example="foreshock demo\nforeshock demo --headless --duration 30 --scenario flash --seed 7 --json",
        failed="something was lost or counted twice, a service was not SERVING, or the signals were wrong",
    )
    parser.add_argument(
        "--scenario", choices=tuple(SCENARIOS), default="cascade", metavar="NAME", help="default: cascade"
    )
    parser.add_argument("--duration", type=_duration, default=30.0, metavar="S", help="seconds (default: 30)")
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="default: 0")
    largest = ",".join(LARGEST_VENUES)
    parser.add_argument(
        "--venues", type=_venues, default=LARGEST_VENUES, metavar="NAMES", help=f"a,b,c or all (default: {largest})"
    )
    parser.add_argument("--partitions", type=positive, default=1, metavar="P", help="default: 1")
    parser.add_argument("--redis", metavar="URL", help="use this empty Redis or Valkey instead of one of its own")
    add_recording(parser)
    add_display(parser)
    add_json(parser, "the last line of stdout is the outcome as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run it, and report."""
    options = DemoOptions(
        scenario=args.scenario,
        seed=args.seed,
        duration_s=args.duration,
        partitions=args.partitions,
        venues=args.venues,
        redis_url=args.redis,
        extra=recording(args),
    )
    title = f"demo {args.scenario}, seed {args.seed}"
    return run_and_report("demo", title, lambda progress, stop: run_demo(options, progress, stop), args)


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Add `--record`."""
    parser.add_argument("--record", type=Path, metavar="DIR", help="write every frame to files: see `foreshock record`")


def recording(args: argparse.Namespace) -> dict[str, dict[str, str]]:
    """Return the settings that `--record` asks for, by service."""
    return {"feeds": {"record_dir": str(args.record.absolute())}} if args.record else {}


def run_and_report(command: str, title: str, work: Run[Summary], args: argparse.Namespace) -> int:
    """Run a house to its end and print the outcome; return the exit code."""
    view = view_for(title, headless=args.headless, as_json=args.json)
    summary, stopped_by = to_end(command, view, work)
    if args.json:
        sys.stdout.write(summary.to_json().decode() + "\n")
        sys.stdout.flush()
    else:
        terminal.out().print(summary_view.rendered(summary))
    if stopped_by:
        return Exit.INTERRUPTED
    return Exit.OK if summary.ok else Exit.FAILED


def _venues(text: str) -> tuple[str, ...]:
    return () if text == "all" else tuple(dict.fromkeys(filter(None, text.split(","))))


def _duration(text: str) -> float:
    value = seconds(text)
    if not 1 <= value <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not within 1..{LONGEST:.0f} seconds")
    return value
