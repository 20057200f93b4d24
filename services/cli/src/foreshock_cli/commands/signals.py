"""`foreshock signals`: cascade signals as they come."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any, cast

import redis

from foreshock_cli import house_redis, signal_lines, terminal
from foreshock_cli.exits import Exit
from foreshock_cli.parser import add_json, add_redis, describe, positive
from foreshock_cli.stream_position import HELP as POSITION
from foreshock_cli.stream_position import Start
from foreshock_model.keys import CASCADE_SIGNALS
from foreshock_model.signal import Level

BLOCK_MS = 1_000
PAGE = 500
LEVELS = tuple(level.name for level in Level)


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Watch the stream cascade:signals until Ctrl-C: one line a signal, at each change of level and once "
        "a second while a symbol is at WATCH or higher. Notices that a part of the house is DEGRADED or has "
        "RECOVERED are always shown.",
        example="foreshock signals --min-level ALERT\nforeshock signals --from 1h --json | jq .explanation",
    )
    parser.add_argument(
        "--min-level",
        choices=LEVELS,
        default="NONE",
        metavar="LEVEL",
        help=f"{' '.join(LEVELS)} (default: NONE)",
    )
    parser.add_argument("--symbol", metavar="SYMBOL", help="only this underlying market, for example BTCUSDT")
    parser.add_argument("--from", dest="start", type=Start, metavar="WHERE", help=f"{POSITION} (default: from now on)")
    parser.add_argument("--count", type=positive, metavar="N", help="stop after N lines (default: never)")
    add_json(parser, "the messages as they are in Redis, JSON lines")
    add_redis(parser)


def run(args: argparse.Namespace) -> int:
    """Watch."""
    with house_redis.connected(args.redis) as client:
        start = args.start.at(house_redis.now_ms(client)) if args.start else "$"
        if sys.stderr.isatty() and not args.json:
            terminal.err().print("[dim]watching cascade:signals; times are UTC; Ctrl-C ends[/]")
        shown = (data for data in _coming(client, start) if _wanted(data, args.min_level, args.symbol))
        for number, data in enumerate(shown, 1):
            _show(data, as_json=args.json)
            if number == args.count:
                break
    return Exit.OK


def _coming(client: redis.Redis, start: str) -> Iterator[bytes]:
    last = _before(client, start)
    while True:
        answer = cast("Any", client.xread({CASCADE_SIGNALS: last}, block=BLOCK_MS, count=PAGE))
        for _, entries in answer:
            for entry_id, fields in entries:
                last = entry_id.decode()
                yield fields.get(b"json", b"")


def _before(client: redis.Redis, start: str) -> str:
    """Return the id after which to read; `$` is resolved once, so that no message between reads is missed."""
    if start != "$":
        ms, _, seq = start.partition("-")
        return f"{ms}-{int(seq) - 1}" if seq and int(seq) else f"{max(int(ms) - 1, 0)}"
    newest = cast("Any", client.xrevrange(CASCADE_SIGNALS, count=1))
    return newest[0][0].decode() if newest else "0"


def _wanted(data: bytes, least: str, symbol: str | None) -> bool:
    try:
        message = signal_lines.parse(data)
    except ValueError:
        sys.stderr.write(f"foreshock: a message that is not a signal was skipped: {data[:80]!r}\n")
        return False
    if message.kind == "notice":
        return True
    return message.rank >= Level[least] and symbol in {None, message.symbol}


def _show(data: bytes, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(data.decode() + "\n")
        sys.stdout.flush()
        return
    console = terminal.out()
    console.print(
        signal_lines.line(signal_lines.parse(data)),
        no_wrap=True,
        overflow="ellipsis" if console.is_terminal else "ignore",
        crop=console.is_terminal,
    )
