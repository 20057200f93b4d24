"""`foreshock replay`: recorded frames through the whole house."""

from __future__ import annotations

import argparse
from pathlib import Path

from foreshock_cli import venues
from foreshock_cli.commands.demo import run_and_report
from foreshock_cli.exits import unreachable
from foreshock_cli.parser import add_json, describe, positive, seconds
from foreshock_cli.running import add_display
from foreshock_lab.replay import ReplayOptions, run_replay


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Send a recording's frames through a simulated socket of the venue and the whole house, on the "
        "recording's own clock, and compare what came out with what the file holds. A line is a frame, or "
        "an object with"
        '"frame" and "ts_recv" (ns).',
        example="foreshock replay frames.jsonl.gz --venue binance --speed max --json",
        failed="something was lost or counted twice, or a service was not SERVING",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="frames, one a line; may be gzipped")
    parser.add_argument(
        "--venue", required=True, metavar="NAME", help="whose frames these are: see `foreshock plugins`"
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=None,
        metavar="max|N",
        help="N times as fast as recorded, or as fast as the house takes it (default: max)",
    )
    parser.add_argument("--partitions", type=positive, default=1, metavar="P", help="default: 1")
    parser.add_argument("--redis", metavar="URL", help="use this empty Redis or Valkey instead of one of its own")
    add_display(parser)
    add_json(parser, "the last line of stdout is the outcome as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run it, and report."""
    venues.find(args.venue)
    if not args.file.is_file():
        raise unreachable(f"cannot read {args.file}: there is no such file")
    options = ReplayOptions(
        file=args.file,
        venue=args.venue,
        speed=args.speed,
        partitions=args.partitions,
        redis_url=args.redis,
    )
    title = f"replay {args.file.name}, {args.venue}"
    return run_and_report("replay", title, lambda progress, stop: run_replay(options, progress, stop), args)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return seconds(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither max nor a number more than zero") from None
