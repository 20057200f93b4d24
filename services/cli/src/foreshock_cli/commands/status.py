"""`foreshock status`: what runs, how it fares, how far behind it is."""

from __future__ import annotations

import argparse
import os

import msgspec

from foreshock_cli import control, house_redis, inspection, status_view, terminal
from foreshock_cli.exits import Exit
from foreshock_cli.parser import add_json, add_redis, describe


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Show the processes of a running house with health, configuration revision, lag and latency, the "
        "feed routes and the Redis server below them.",
        example="foreshock status\nforeshock status --json | jq '.services[] | {service, health}'",
        failed="a service is missing, not SERVING, or reports a problem",
    )
    parser.add_argument("--token-file", metavar="FILE", help=f"bearer token (default: {control.TOKEN_FILE})")
    add_json(parser, "one JSON object on stdout")
    add_redis(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""
    token = control.token(args.token_file, os.environ)
    address = house_redis.public(house_redis.locate(args.redis, os.environ).url)
    with house_redis.connected(args.redis) as client:
        house = inspection.look(client, address=address, token=token)
    if args.json:
        terminal.emit(msgspec.to_builtins(house))
    else:
        terminal.out().print(status_view.rendered(house))
    return Exit.OK if house.ok else Exit.FAILED
