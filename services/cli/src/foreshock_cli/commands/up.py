"""`foreshock up`: everything on this machine against the real venues."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from foreshock_cli import runfile, venues
from foreshock_cli.commands.demo import add_recording, recording
from foreshock_cli.exits import Exit, unreachable, usage_error
from foreshock_cli.headless import JsonLines
from foreshock_cli.live_house import run_up
from foreshock_cli.parser import add_json, describe, positive
from foreshock_cli.running import add_display, to_end, view_for
from foreshock_lab import surroundings
from foreshock_lab.demo import READABLE_PORT
from foreshock_lab.errors import LabError
from foreshock_lab.house import HouseSettings
from foreshock_runtime.clock import SystemClock
from foreshock_sdk.discovery import Plugins

KEPT_LOGS = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Run the whole house against the real venues until Ctrl-C, with a Redis of its own unless one is "
        "named. On a terminal it is shown live; elsewhere a progress line goes to stderr. Logs, and the data "
        "of its own Redis, are under the user's state folder.\n\nSettings of the services in the environment "
        "(FORESHOCK_*, REDIS_URL ...) and in the file that FORESHOCK_CONFIG names count too; options go before them.",
        example="foreshock up --venues binance,okx --symbols BTCUSDT,ETHUSDT\nforeshock signals --min-level ALERT",
        failed="the house could not be started",
    )
    parser.add_argument("--venues", nargs="+", default=[], metavar="A,B", help="default: all that are installed")
    parser.add_argument("--symbols", nargs="+", default=[], metavar="A,B", help="default: all of each venue")
    parser.add_argument("--partitions", type=positive, metavar="P", help="default: 1")
    parser.add_argument("--redis", metavar="URL", help="use this Redis or Valkey instead of one of its own")
    add_recording(parser)
    add_display(parser)
    add_json(parser, "progress as JSON lines on stdout")


def run(args: argparse.Namespace) -> int:
    """Run it until it is told to stop. SIGTERM is an orderly end too, and exits 0."""
    try:
        settings = house(args, os.environ)
    except LabError as error:
        raise usage_error(str(error)) from error
    except OSError as error:
        raise unreachable(f"the state folder cannot be used: {error}") from error
    sys.stderr.write(f"foreshock: the services' logs are in {settings.run_dir}\n")
    title = f"up {' '.join(settings.venues)}"
    view = JsonLines(SystemClock()) if args.json else view_for(title, headless=args.headless, as_json=False)
    _, stopped_by = to_end("up", view, lambda progress, stop: run_up(settings, progress, stop))
    return Exit.INTERRUPTED if stopped_by == signal.SIGINT else Exit.OK


def house(args: argparse.Namespace, env: Mapping[str, str]) -> HouseSettings:
    """Return the house of a command line in an environment. Raises CommandError, LabError, OSError."""
    plugins = Plugins()
    shell = surroundings.inherited(env)
    asked = surroundings.wishes(shell["feeds"])
    named = venues.check(split(args.venues) or asked.venues or sorted(plugins.connectors), plugins)
    tracked = symbols(args.symbols)
    state = runfile.made_private(runfile.folder(env))
    return HouseSettings(
        run_dir=log_folder(state / "logs", os.getpid()),
        data_dir=state / "data",
        redis_url=args.redis or asked.redis_url or None,
        tcp_port=READABLE_PORT,
        partitions=args.partitions or asked.partitions,
        venues=named,
        symbols=tracked,
        extra=recording(args),
        inherited=shell,
    )


def log_folder(logs: Path, pid: int) -> Path:
    """Return the folder for this run's logs; those of older runs go, but for the newest few."""
    older = sorted(logs.glob("up-*"), key=lambda each: each.stat().st_mtime) if logs.is_dir() else []
    for each in older[:-KEPT_LOGS]:
        shutil.rmtree(each, ignore_errors=True)
    return logs / f"up-{pid}"


def split(words: list[str]) -> list[str]:
    """Return names given with commas, blanks or both."""
    return [name for word in words for name in word.split(",") if name]


def symbols(words: list[str]) -> tuple[str, ...]:
    """Return the underlying markets named. Raises CommandError for one that cannot be a symbol."""
    named = split(words)
    for name in named:
        if name != name.upper():
            raise usage_error(f"{name!r} is not a symbol", hint=f"did you mean {name.upper()}?")
    return tuple(named)
