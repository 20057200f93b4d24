"""`foreshock record`: the frames of venues into files, with their receive times."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from foreshock_cli import report_view, terminal, venues
from foreshock_cli.commands.up import split, symbols
from foreshock_cli.exits import Exit, usage_error
from foreshock_cli.parser import add_json, describe, positive, seconds
from foreshock_cli.recording import run_record
from foreshock_cli.running import to_end, view_for
from foreshock_feeds.settings import EndpointSettings, FeedsSettings
from foreshock_lab import surroundings
from foreshock_lab.errors import LabError

ENDPOINT = "VENUE=WEBSOCKET_URL,REST_URL"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Connect to venues and write every frame as it came, with its receive time, to compressed files that "
        "`foreshock replay` and `foreshock normalize` read. Needs no Redis and starts no service. Lasts until "
        "Ctrl-C unless --duration is given.\n\nFiles are zstd of JSON lines; one that is still written ends in "
        ".part. Settings of feeds in the environment (FORESHOCK_*) count too; options go before them. A house "
        "records by itself when FORESHOCK_RECORD_DIR is set.",
        example="foreshock record --venues binance,okx --out frames --duration 3600\nforeshock replay frames",
        failed="frames are missing, or a route was not live at the end",
    )
    parser.add_argument("--out", type=Path, default=Path("recording"), metavar="DIR", help="default: ./recording")
    parser.add_argument("--venues", nargs="+", default=[], metavar="A,B", help="default: all that are installed")
    parser.add_argument("--symbols", nargs="+", default=[], metavar="A,B", help="default: all of each venue")
    parser.add_argument("--duration", type=seconds, metavar="S", help="seconds (default: until Ctrl-C)")
    parser.add_argument(
        "--endpoint", action="append", default=[], metavar=ENDPOINT, help="another address of a venue; may be repeated"
    )
    parser.add_argument("--segment-bytes", type=positive, metavar="N", help="begin a new file after so many bytes")
    parser.add_argument("--segment-seconds", type=seconds, metavar="S", help="and after so many seconds")
    parser.add_argument("--keep-bytes", type=positive, metavar="N", help="remove the oldest files beyond that")
    add_json(parser, "the last line of stdout is the outcome as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Record, and report."""
    settings = settings_of(args, os.environ)
    view = view_for("record", headless=True, as_json=args.json)
    report, _ = to_end("record", view, lambda progress, stop: run_record(settings, args.duration, progress, stop))
    if args.json:
        terminal.emit(report)
    else:
        terminal.out().print(report_view.recorded(report))
    return Exit.OK if report.ok else Exit.FAILED


def settings_of(args: argparse.Namespace, env: Mapping[str, str]) -> FeedsSettings:
    """Return the settings of a command line in an environment. Raises CommandError."""
    try:
        given = surroundings.as_feeds_reads(surroundings.inherited(env)["feeds"])
    except LabError as error:
        raise usage_error(str(error)) from error
    places = {**given.endpoints, **dict(map(_endpoint, args.endpoint))}
    named = venues.check(split(args.venues) or given.venues or tuple(places))
    chosen = {
        "record_segment_bytes": args.segment_bytes,
        "record_segment_seconds": args.segment_seconds,
        "record_keep_bytes": args.keep_bytes,
        "tracked_symbols": symbols(args.symbols) or None,
    }
    return msgspec.structs.replace(
        given,
        venues=named,
        endpoints={venue: place for venue, place in places.items() if not named or venue in named},
        record_dir=args.out,
        clock="system",
        **{name: value for name, value in chosen.items() if value is not None},
    )


def _endpoint(text: str) -> tuple[str, EndpointSettings]:
    venue, _, places = text.partition("=")
    websocket, _, rest = places.partition(",")
    if not (venue and websocket and rest):
        raise usage_error(f"{text!r} is not {ENDPOINT}")
    return venue, EndpointSettings(websocket.rstrip("/"), rest.rstrip("/"))
