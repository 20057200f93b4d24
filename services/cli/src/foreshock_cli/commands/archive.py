"""`foreshock archive`: events, metrics and signals into Parquet files or PostgreSQL."""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from foreshock_cli import terminal
from foreshock_cli.exits import Exit, unreachable
from foreshock_cli.parser import add_json, add_redis, describe, positive, seconds


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Keep what stands in the streams of a running house: events, context, metrics, signals and coverage, as "
        "Parquet files by day, as tables of a PostgreSQL database, or both. It goes on from what the folder or "
        "database holds, each row once, until Ctrl-C; while it runs, streams are not trimmed past it. "
        "docs/archive.md has the tables, and queries to begin with.\n\nA connection string with a password "
        "belongs into a file, or into FORESHOCK_POSTGRES_DSN.",
        example="foreshock archive --out archive\n"
        "foreshock archive --out archive --once --tables events,signals --json\n"
        "duckdb -c \"SELECT * FROM 'archive/events/*/*.parquet' ORDER BY notional_usd DESC LIMIT 10\"",
        failed="entries could not be read, or were gone before they were read",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for Parquet files; made when it is not there")
    parser.add_argument("--postgres", metavar="DSN", help="connection string without a password (host=... dbname=...)")
    parser.add_argument("--postgres-file", type=Path, metavar="FILE", help="file that holds a connection string")
    parser.add_argument("--schema", metavar="NAME", help="schema of the tables there (default: foreshock)")
    parser.add_argument("--tables", metavar="A,B", help="only these (default: all)")
    parser.add_argument("--group", metavar="NAME", help="consumer group; each archive needs its own (default: archive)")
    parser.add_argument("--partitions", type=positive, metavar="P", help="default: those whose streams are there")
    parser.add_argument("--roll-seconds", type=seconds, metavar="S", help="a file is closed after S (default: 300)")
    parser.add_argument("--roll-rows", type=positive, metavar="N", help="or when it has N rows (default: 250000)")
    parser.add_argument("--once", action="store_true", help="end when all that is there now is kept")
    add_json(parser, "progress as JSON lines, the outcome last")
    add_redis(parser)


def run(args: argparse.Namespace) -> int:
    """Archive."""
    try:
        from foreshock_cli import archive_options, archiving  # noqa: PLC0415 - an extra brings what it needs
    except ImportError as error:
        raise unreachable(f"{error.name} is not installed", hint="pip install 'foreshock-cli[archive]'") from error
    outcome = archiving.run(archive_options.settings(args, os.environ), once=args.once, as_json=args.json)
    for told in outcome.sinks.values():
        if args.json:
            terminal.emit(told)
        else:
            print(archiving.line(told))
    if outcome.flaws:
        return Exit.FAILED
    return Exit.INTERRUPTED if outcome.stopped_by == signal.SIGINT else Exit.OK
