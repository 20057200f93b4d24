"""`foreshock status`: what runs, how it fares, how far behind it is."""

from __future__ import annotations

import argparse
import os

import msgspec

from foreshock_cli import control, house_redis, inspection, status_view, terminal
from foreshock_cli.exits import Exit
from foreshock_cli.parser import add_address, add_json, add_redis, describe


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Show the processes of a running house with health, configuration revision, lag and latency, the "
        "feed routes and the Redis server below them.",
        example="foreshock status\nforeshock status --json | jq '.services[] | {service, health}'",
        failed="a service is missing, not SERVING, or reports a problem",
    )
    add_address(parser, "append")
    add_json(parser, "one JSON object on stdout")
    add_redis(parser)


def run(args: argparse.Namespace) -> int:
    """Show it."""
    token = control.token(args.token_file, os.environ)
    house = inspection.look_at(args.address, token) if args.address else _whole_house(args.redis, token)
    if args.json:
        terminal.emit(msgspec.to_builtins(house))
    else:
        terminal.out().print(status_view.rendered(house))
    return Exit.OK if house.ok else Exit.FAILED


def _whole_house(option: str | None, token: str | None) -> inspection.HouseFacts:
    address = house_redis.public(house_redis.locate(option, os.environ).url)
    with house_redis.connected(option) as client:
        return inspection.look(client, address=address, token=token)
