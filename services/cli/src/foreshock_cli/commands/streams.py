"""`foreshock streams`: the event and signal streams of a house as files."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from foreshock_cli import house_redis, terminal
from foreshock_cli.exits import Exit
from foreshock_cli.parser import Help, add_json, add_redis, describe
from foreshock_cli.running import to_end, view_for
from foreshock_lab.stream_archive import StreamExport
from foreshock_lab.summary import OnProgress, Phase, Progress
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.connection import connect_url

FOLLOW_SECONDS = 1.0


class Exported(msgspec.Struct, frozen=True):
    """What an archive of streams came to. gone: entries that had left the streams before they could be copied."""

    folder: str
    partitions: int
    entries: int
    signals: int
    gone: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its action."""
    describe(
        parser,
        "The streams events:{pN} and signals:{pN} of a house as files, byte for byte. `foreshock replay --streams` "
        "runs them through velocity and signals again and compares.",
        example="foreshock streams export archive --follow\nforeshock replay --streams archive",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    exporting = actions.add_parser("export", help="copy the streams to a new folder", formatter_class=Help)
    describe(
        exporting,
        "Copy what stands in the streams and has been answered. Streams keep about two minutes: begin when the house "
        "begins, with --follow, or let it keep more (FORESHOCK_RETENTION_SECONDS), for only a whole stream replays to "
        "the same signals.",
        example="foreshock streams export archive --follow",
        failed="entries had left the streams before they could be copied",
    )
    exporting.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    exporting.add_argument("--follow", action="store_true", help="go on with what comes until Ctrl-C")
    add_json(exporting, "the last line of stdout is the outcome as one JSON object")
    add_redis(exporting)


def run(args: argparse.Namespace) -> int:
    """Copy them, and report."""
    redis = client(args.redis)
    view = view_for("streams export", headless=True, as_json=args.json)
    told, _ = to_end("streams", view, lambda progress, stop: _export(redis, args, progress, stop))
    if args.json:
        terminal.emit(told)
    else:
        terminal.out().print(
            f"{told.entries:,} entries and {told.signals:,} signals of {told.partitions} partitions in {told.folder}, "
            f"{told.gone:,} gone before"
        )
    return Exit.FAILED if told.gone else Exit.OK


def client(option: str | None) -> Redis:
    """Return a client of the house's Redis; it has not connected yet. Raises CommandError when nobody names one."""
    password = house_redis.password_from_file(os.environ)
    more = {} if password is None else {"password": password}
    return connect_url(house_redis.locate(option, os.environ).url, **more)


async def _export(redis: Redis, args: argparse.Namespace, on_progress: OnProgress, stop: asyncio.Event) -> Exported:
    began = monotonic_ns()
    async with redis:
        export = await StreamExport.begin(redis, args.folder)
        try:
            await export.copy()
            while args.follow and not await wait_for_event(stop, FOLLOW_SECONDS):
                await export.copy()
                on_progress(_progress(began, export))
            if args.follow:
                await export.copy()
        finally:
            export.close()
    manifest = export.manifest
    return Exported(str(args.folder), manifest.partitions, export.entries, export.signals, manifest.gone)


def _progress(began: int, export: StreamExport) -> Progress:
    return Progress(
        phase=Phase.RUNNING,
        elapsed_s=(monotonic_ns() - began) / 1e9,
        duration_s=0.0,
        sent=0,
        processed=export.entries,
        throttled=0,
        signals={},
        counted="entries",
    )
