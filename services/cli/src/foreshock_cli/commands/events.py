"""`foreshock events`: what stands in the event streams."""

from __future__ import annotations

import argparse
import heapq
import sys
from collections.abc import Iterator
from typing import Any, cast

import redis

from foreshock_cli import house_redis, line_source, terminal
from foreshock_cli.entries_view import Plain, batch_view, entry_view
from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.parser import add_json, add_redis, describe, natural, positive
from foreshock_cli.stream_position import HELP as POSITION
from foreshock_cli.stream_position import Start
from foreshock_model import keys
from foreshock_model.errors import CodecError

PAGE = 256
BLOCK_MS = 1_000
MOST_PARTITIONS = 1_024

Entry = tuple[tuple[int, int], str, int, dict[bytes, bytes]]
"""Sortable id, id, partition, fields."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Print the entries of the streams events:{pN}, oldest first: one line each with kind, writer and "
        "number. With --decode, one JSON object each with every liquidation and context row in it. With FILE "
        "(or -), decode the raw bytes of one EventBatch, as the field `data` of a batch entry holds them; "
        "that needs no Redis.",
        example="foreshock events --from 10s\n"
        "foreshock events --decode --follow | jq -c '.liquidations[] | [.symbol, .notional_usd]'",
        failed="an entry or the file is not what it should be",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="raw bytes of one EventBatch, - for stdin")
    parser.add_argument("--decode", action="store_true", help="print the data too, as JSON lines")
    parser.add_argument("--partition", type=natural, metavar="N", help="only this one (default: all, by id)")
    parser.add_argument(
        "--from",
        dest="start",
        type=Start,
        default=Start("0"),
        metavar="WHERE",
        help=f"{POSITION} (default: 0)",
    )
    parser.add_argument("--count", type=positive, metavar="N", help="stop after N entries (default: all)")
    parser.add_argument("--follow", action="store_true", help="go on with new entries until Ctrl-C")
    add_json(parser, "JSON lines without the data")
    add_redis(parser)


def run(args: argparse.Namespace) -> int:
    """Print them."""
    if args.file is not None:
        return _decode_file(args.file)
    bad = 0
    with house_redis.connected(args.redis) as client:
        partitions = _partitions(client, args.partition)
        for number, entry in enumerate(_entries(client, partitions, args), 1):
            bad += not _print(entry, decode=args.decode, as_json=args.json)
            if number == args.count:
                break
    return Exit.FAILED if bad else Exit.OK


def _decode_file(name: str) -> int:
    try:
        terminal.emit(batch_view(line_source.whole(name)))
    except CodecError as error:
        raise CommandError(f"not an EventBatch: {error}") from error
    return Exit.OK


def _print(entry: Entry, *, decode: bool, as_json: bool) -> bool:
    _, entry_id, partition, fields = entry
    try:
        view = {"partition": partition, **entry_view(entry_id, fields, decode=decode)}
    except CodecError as error:
        sys.stderr.write(f"foreshock: {keys.events(partition)} {entry_id}: {error}\n")
        return False
    if decode or as_json:
        terminal.emit(view)
    else:
        print(_line(view), flush=True)
    return True


def _line(view: Plain) -> str:
    numbered = f"{view['writer']} epoch {view['epoch']} #{view['seq']}"
    return f"{view['id']:<20} p{view['partition']:<3} {view['kind']:<6} {view['bytes']:>8} bytes  {numbered}"


def _partitions(client: redis.Redis, only: int | None) -> list[int]:
    if only is not None:
        return [only]
    found: list[int] = []
    while len(found) < MOST_PARTITIONS and client.exists(keys.events(len(found))):
        found.append(len(found))
    if not found:
        raise CommandError("there are no event streams in this Redis yet", hint="does the feeds service run?")
    return found


def _entries(client: redis.Redis, partitions: list[int], args: argparse.Namespace) -> Iterator[Entry]:
    start = args.start.at(house_redis.now_ms(client))
    last = dict.fromkeys(partitions, "")
    for entry in heapq.merge(*(_stored(client, partition, start) for partition in partitions)):
        last[entry[2]] = entry[1]
        yield entry
    if args.follow:
        yield from _coming(client, {partition: at or start for partition, at in last.items()})


def _stored(client: redis.Redis, partition: int, start: str) -> Iterator[Entry]:
    at = start
    while True:
        page = cast("list[Any]", client.xrange(keys.events(partition), min=at, count=PAGE))
        for raw_id, fields in page:
            yield _entry(partition, raw_id, fields)
        if len(page) < PAGE:
            return
        at = "(" + page[-1][0].decode()


def _coming(client: redis.Redis, last: dict[int, str]) -> Iterator[Entry]:
    partitions = {keys.events(partition).encode(): partition for partition in last}
    at: dict[bytes, str] = {name: last[partition] for name, partition in partitions.items()}
    while True:
        for name, found in cast("Any", client.xread(cast("Any", at), block=BLOCK_MS)):
            for raw_id, fields in found:
                at[name] = raw_id.decode()
                yield _entry(partitions[name], raw_id, fields)


def _entry(partition: int, raw_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    ms, _, seq = raw_id.decode().partition("-")
    return (int(ms), int(seq)), raw_id.decode(), partition, fields
