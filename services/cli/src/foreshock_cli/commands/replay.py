"""`foreshock replay`: recordings, bare frames or archived streams again."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import TypeVar

from foreshock_cli import report_view, terminal, venues
from foreshock_cli.commands.demo import run_and_report
from foreshock_cli.commands.streams import client
from foreshock_cli.commands.up import split
from foreshock_cli.exits import CommandError, Exit, unreachable, usage_error
from foreshock_cli.parser import add_json, describe, positive, seconds
from foreshock_cli.running import Run, add_display, to_end, view_for
from foreshock_lab.errors import LabError
from foreshock_lab.recording_file import is_recording
from foreshock_lab.recording_replay import RecordingOptions, RecordingReport, replay_recordings
from foreshock_lab.replay import ReplayOptions, run_replay
from foreshock_lab.replay_sink import Destination
from foreshock_lab.stream_archive import StreamExport
from foreshock_lab.stream_replay import StreamOptions, StreamReport, replay_streams
from foreshock_lab.summary import OnProgress
from foreshock_sdk.discovery import Plugins

Report = TypeVar("Report", RecordingReport, StreamReport)
SERVERS = ("redis://", "rediss://", "unix://")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run what was recorded again.\n\n"
        "Recordings of `foreshock record` or of a house: all files and folders together, in the order of their "
        "receive times, through the decoders and the steps of feeds, velocity and signals. Entries, events, "
        "episodes and changes of level are those of the live run, at any speed.\n\n"
        "A file of bare frames (a line is a frame, or an object with frame and ts_recv in ns) with --venue: through a "
        "simulated socket of the venue and the whole house, on the frames' own clock; what came out is compared "
        "with what the file holds.\n\n"
        "Streams of `foreshock streams export`, or of a Redis, with --streams: entry for entry through velocity and "
        "signals; the signals are byte for byte those of the live run, and their hashes are compared.",
        example="foreshock replay recording/ --speed 10 --redis redis://127.0.0.1/1\n"
        "foreshock replay frames.jsonl.gz --venue binance --speed max --json\n"
        "foreshock replay --streams archive/",
        failed="something was lost or counted twice, could not be read, or differs from the live run",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="recordings, or one file of bare frames")
    parser.add_argument("--streams", metavar="DIR|URL", help="an archive of streams, or a Redis that holds them")
    parser.add_argument(
        "--venue",
        action="append",
        default=[],
        metavar="NAME",
        help="whose bare frames these are, see `foreshock plugins`; of recordings: only these venues",
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=None,
        metavar="max|N",
        help="N times as fast as recorded, or as fast as it goes (default: max)",
    )
    parser.add_argument(
        "--partitions", type=positive, default=1, metavar="P", help="default: 1; streams have their own"
    )
    parser.add_argument(
        "--redis", metavar="URL", help="an empty Redis or Valkey that gets all streams, keys and channels"
    )
    parser.add_argument("--signals", type=Path, metavar="FILE", help="write every signal as a line of JSON")
    add_display(parser)
    add_json(parser, "the last line of stdout is the outcome as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run it, and report."""
    if bool(args.paths) == bool(args.streams):
        raise usage_error("name recordings or frames, or an archive with --streams")
    if args.streams:
        return _streams(args)
    named = venues.check(split(args.venue))
    for path in args.paths:
        if not path.exists():
            raise unreachable(f"cannot read {path}: there is no such file")
    try:
        ours = [is_recording(path) for path in args.paths]
    except LabError as error:
        raise CommandError(str(error)) from error
    if all(ours):
        return _recordings(args, named)
    if len(args.paths) > 1 or len(named) != 1:
        raise usage_error(
            "a file of bare frames is replayed alone, and --venue says whose they are",
            hint="recordings of `foreshock record` say it themselves",
        )
    return _house(args, named[0])


def _house(args: argparse.Namespace, venue: str) -> int:
    if args.signals is not None:
        raise usage_error("--signals is for recordings and streams", hint="`foreshock signals` watches a house")
    file = args.paths[0]
    options = ReplayOptions(file=file, venue=venue, speed=args.speed, partitions=args.partitions, redis_url=args.redis)
    title = f"replay {file.name}, {venue}"
    return run_and_report("replay", title, lambda progress, stop: run_replay(options, progress, stop), args)


def _recordings(args: argparse.Namespace, named: tuple[str, ...]) -> int:
    options = RecordingOptions(
        paths=tuple(args.paths),
        venues=named,
        speed=args.speed,
        partitions=args.partitions,
        to=_destination(args),
    )
    connectors = Plugins().connectors
    return _report(args, lambda progress, stop: replay_recordings(options, connectors, progress, stop))


def _streams(args: argparse.Namespace) -> int:
    if not args.streams.startswith(SERVERS):
        return _report(args, lambda progress, stop: _replayed(Path(args.streams), args, progress, stop))
    with tempfile.TemporaryDirectory(prefix="foreshock-streams-") as place:
        return _report(args, lambda progress, stop: _copied(Path(place), args, progress, stop))


async def _copied(folder: Path, args: argparse.Namespace, progress: OnProgress, stop: asyncio.Event) -> StreamReport:
    async with client(args.streams) as redis:
        export = await StreamExport.begin(redis, folder)
        try:
            await export.copy()
        finally:
            export.close()
    return await _replayed(folder, args, progress, stop)


async def _replayed(folder: Path, args: argparse.Namespace, progress: OnProgress, stop: asyncio.Event) -> StreamReport:
    options = StreamOptions(folder=folder, speed=args.speed, to=_destination(args))
    return await replay_streams(options, progress, stop)


def _destination(args: argparse.Namespace) -> Destination:
    return Destination(redis_url=args.redis, signals=args.signals)


def _report(args: argparse.Namespace, work: Run[Report]) -> int:
    view = view_for("replay", headless=True, as_json=args.json)
    report, stopped_by = to_end("replay", view, work)
    if args.json:
        terminal.emit(report)
    else:
        terminal.out().print(report_view.replayed(report))
    if stopped_by:
        return Exit.INTERRUPTED
    return Exit.OK if report.ok else Exit.FAILED


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return seconds(text.removesuffix("x"))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither max nor a number more than zero") from None
