"""`foreshock config`: get, set and list the configuration of a running service."""

from __future__ import annotations

import argparse
import getpass
import os
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import redis
from google.protobuf import json_format
from google.protobuf.message import Message

from foreshock_cli import assignments, control, house_redis, processes, terminal
from foreshock_cli.exits import Exit
from foreshock_cli.parser import Help, add_address, add_json, add_redis, describe
from foreshock_lab.house import SERVICES
from foreshock_model import keys
from foreshock_runtime.alive import Heartbeat

NO_REASON = "none given"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its actions."""
    describe(
        parser,
        "Read and change what a service can change while it runs. A change is in force everywhere within a "
        "second, at the same place of the stream, and survives a restart.",
        example="foreshock config get signals\n"
        'foreshock config set signals thresholds.alert=0.7 --reason "too many alerts"\n'
        "foreshock config history signals",
        failed="the service refused: a bad value (the field is named), or a stale etag",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "get", "print the configuration in force", "foreshock config get velocity --json")
    setting = _add(
        actions,
        "set",
        "change fields",
        "foreshock config set feeds symbols=BTCUSDT,ETHUSDT --reason 'two are enough'",
    )
    setting.add_argument(
        "assignments",
        nargs="+",
        metavar="FIELD=VALUE",
        help="a.b=0.7, a list as x,y, one key of a map as map.key=1 (nothing after = clears)",
    )
    setting.add_argument("--reason", default=NO_REASON, help="why; kept with the revision")
    setting.add_argument("--author", default=None, help="who (default: the user's name)")
    setting.add_argument("--etag", help="refuse unless the configuration is still this one (default: as just read)")
    setting.add_argument("--validate-only", action="store_true", help="check the values, change nothing")
    _add(actions, "history", "list earlier revisions, newest first", "foreshock config history signals")


def run(args: argparse.Namespace) -> int:
    """Get, set or list."""
    processes.check(args.service)
    if args.action == "history":
        with house_redis.connected(args.redis) as client:
            return _history(client, args)
    process = _process(args)
    token = control.token(args.token_file, os.environ)
    with control.opened(process, token) as service:
        answer = service.request("GetConfig")
        if args.action == "set":
            answer = _update(service, answer, args)
    _print(answer, args)
    return Exit.OK


def _process(args: argparse.Namespace) -> Heartbeat:
    if args.address:
        return processes.at(args.address, args.service)
    with house_redis.connected(args.redis) as client:
        return processes.one(client, args.service)


def _add(actions: Any, name: str, text: str, example: str) -> argparse.ArgumentParser:
    parser = cast("argparse.ArgumentParser", actions.add_parser(name, help=text, formatter_class=Help))
    describe(parser, f"{text[0].upper()}{text[1:]}.", example=example, failed="the service refused")
    parser.add_argument("service", metavar="SERVICE", help=" ".join(SERVICES))
    if name != "history":  # which is kept in Redis alone
        add_address(parser)
    add_json(parser, "JSON on stdout")
    add_redis(parser)
    return parser


def _update(service: control.Control, current: Any, args: argparse.Namespace) -> Any:
    config = type(current.config)()
    config.CopyFrom(current.config)
    paths = assignments.apply(config, args.assignments)
    return service.request(
        "UpdateConfig",
        config=config,
        update_mask={"paths": paths},
        etag=args.etag or current.revision.etag,
        validate_only=args.validate_only,
        author=args.author or getpass.getuser(),
        reason=args.reason,
    )


def _print(answer: Any, args: argparse.Namespace) -> None:
    config, revision = _plain(answer.config), answer.revision
    validated = args.action == "set" and args.validate_only
    if args.json:
        terminal.emit(
            {
                "service": args.service,
                "revision": revision.revision,
                "etag": revision.etag,
                "validated_only": validated,
                "config": config,
            }
        )
        return
    word = "would be accepted" if validated else f"revision {revision.revision}"
    print(f"{args.service}: {word}" + (f", etag {revision.etag}" if revision.etag else ""))
    for path, value in flat(config):
        print(f"  {path} = {value}")


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested values as (dotted path, text), the way `config set` takes them."""
    lines: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            lines += flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and not any(isinstance(each, dict) for each in value):
            lines.append((prefix + name, ",".join(map(str, value))))
        else:
            lines.append((prefix + name, "" if value == {} else str(value)))
    return lines


def _plain(config: Message) -> dict[str, Any]:
    return json_format.MessageToDict(
        config, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _history(client: redis.Redis, args: argparse.Namespace) -> int:
    items = cast("list[bytes]", client.lrange(keys.config_history(args.service), 0, -1))
    revisions = [msgspec.json.decode(item, type=dict[str, Any]) for item in items]
    if args.json:
        for revision in revisions:
            terminal.emit(revision)
        return Exit.OK
    if not revisions:
        print(f"{args.service} runs its built-in configuration; nobody has changed it")
        return Exit.OK
    made = terminal.table(">REVISION", "WHEN (UTC)", "WHO", "WHY", "ETAG")
    for revision in revisions:
        when = f"{datetime.fromtimestamp(revision['ts'] // 10**9, UTC):%Y-%m-%d %H:%M:%S}"
        words = (terminal.escape(str(revision[name])) for name in ("author", "reason", "etag"))
        made.add_row(str(revision["revision"]), when, *words)
    terminal.out().print(made)
    return Exit.OK
