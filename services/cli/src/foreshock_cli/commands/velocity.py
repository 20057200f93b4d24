"""`foreshock velocity`: how fast positions of a symbol are liquidated, once or as it changes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format

from foreshock_cli import control, house_redis, processes, terminal, velocity_view
from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.parser import add_address, add_json, add_redis, describe, positive
from foreshock_runtime.alive import Heartbeat

SERVICE = "velocity"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Ask velocity for the windows of symbols: liquidations and USD with their rates, how these change, and what "
        "each venue adds. With --watch every new row is shown, until Ctrl-C.",
        example="foreshock velocity BTCUSDT\nforeshock velocity BTCUSDT --watch --json | jq .windows[0].usd_rate",
        failed="nothing was seen of the symbol, or nobody owns its partition",
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="an underlying market, for example BTCUSDT")
    parser.add_argument("--watch", action="store_true", help="go on with every new row of the one symbol named")
    parser.add_argument("--count", type=positive, metavar="N", help="stop watching after N rows (default: never)")
    add_address(parser)
    add_json(parser, "JSON lines, one a row")
    add_redis(parser)


def run(args: argparse.Namespace) -> int:
    """Ask or watch."""
    if args.watch and len(args.symbols) > 1:
        raise CommandError("--watch shows one symbol: the next may belong to another process", code=Exit.USAGE)
    token = control.token(args.token_file, os.environ)
    for symbol in args.symbols:
        rows = _watched(args, symbol, token) if args.watch else iter(_asked(args, symbol, token))
        for number, row in enumerate(rows, 1):
            _show(row, as_json=args.json)
            if number == args.count:
                break
    return Exit.OK


def _processes(args: argparse.Namespace) -> list[Heartbeat]:
    if args.address:
        return [processes.at(args.address, SERVICE)]
    with house_redis.connected(args.redis) as client:
        found = [each for each in processes.alive(client) if each.service == SERVICE and each.control]
        return found or [processes.one(client, SERVICE)]


def _asked(args: argparse.Namespace, symbol: str, token: str | None) -> list[Any]:
    """Ask one process after the other: only the owner of the symbol's partition knows."""
    return list(_first(args, token, lambda service: service.request("GetMetrics", symbols=[symbol]).metrics))


def _watched(args: argparse.Namespace, symbol: str, token: str | None) -> Iterator[Any]:
    owner = _first(args, token, lambda service: service.request("GetMetrics", symbols=[symbol]) and service.process)
    with control.opened(owner, token) as service:
        for answer in service.stream("WatchMetrics", symbols=[symbol]):
            yield from answer.metrics


def _first(args: argparse.Namespace, token: str | None, ask: Any) -> Any:
    """Return the first process's answer that is none of NOT_FOUND. Raises the last refusal."""
    refusal = CommandError("no velocity is alive")
    for process in _processes(args):
        try:
            with control.opened(process, token) as service:
                return ask(service)
        except CommandError as error:
            refusal = error
    raise refusal


def _show(row: Any, *, as_json: bool) -> None:
    if as_json:
        plain = json_format.MessageToDict(
            row, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        terminal.emit(plain)
    else:
        terminal.out().print(velocity_view.rendered(row))
