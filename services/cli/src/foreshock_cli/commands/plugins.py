"""`foreshock plugins`: the venues installed here, new ones, and whether one keeps the rules."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from foreshock_cli import terminal
from foreshock_cli.checking import SECONDS, check_all
from foreshock_cli.conformance import Report
from foreshock_cli.exits import Exit
from foreshock_cli.parser import Help, add_json, describe, seconds
from foreshock_cli.scaffold import make_project
from foreshock_sdk.connector import Connector
from foreshock_sdk.discovery import PluginInfo, Plugins


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its actions; without one it lists."""
    describe(
        parser,
        "List the plugins found by entry points of the group `foreshock`. A broken one is named with its "
        "error; the others work all the same.",
        example="foreshock plugins\nforeshock plugins --json | jq -r '.plugins[].venues[].venue'\n"
        "foreshock plugins new myvenue && foreshock plugins check foreshock-myvenue",
        failed="a plugin is broken",
    )
    add_json(parser, "one JSON object on stdout")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    _configure_new(actions.add_parser("new", help="make a plugin project that works", formatter_class=Help))
    _configure_check(actions.add_parser("check", help="check that a plugin keeps the rules", formatter_class=Help))


def _configure_new(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        "Make a plugin project of your own: a small venue that does not exist, with its tests, to be changed line by "
        "line into yours. `docs/plugins.md` says what is what.",
        example="foreshock plugins new myvenue --dir ~/src\nforeshock plugins check ~/src/foreshock-myvenue",
        failed="the folder exists already",
    )
    parser.add_argument("name", metavar="NAME", help="the venue, lower-case letters and digits")
    parser.add_argument("--dir", type=Path, default=Path(), metavar="DIR", help="where to make it (default: here)")
    add_json(parser, "the files written, as one JSON object")


def _configure_check(parser: argparse.ArgumentParser) -> None:
    describe(
        parser,
        "Check that a plugin keeps the rules of every connector: frames, sides, units, budgets, reconnects, canary, "
        "malformed input. It runs in a process of its own with a clean environment, bounded memory and time, and "
        "may not connect anywhere. Each broken rule is named.",
        example="foreshock plugins check ./foreshock-myvenue\nforeshock plugins check binance --json",
        failed="a rule is broken",
    )
    parser.add_argument("plugin", metavar="PATH|NAME", help="a project's folder, a wheel, or an installed plugin")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=SECONDS,
        metavar="S",
        help=f"stop it after so many seconds (default: {SECONDS:g})",
    )
    add_json(parser, "one JSON object with every rule")


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    if args.action == "new":
        return _new(args)
    if args.action == "check":
        return report(check_all(args.plugin, args.timeout), as_json=args.json)
    return show(Plugins(), as_json=args.json)


def _new(args: argparse.Namespace) -> int:
    written = make_project(args.name, args.dir)
    root = args.dir / f"foreshock-{args.name}"
    if args.json:
        terminal.emit({"project": str(root), "files": [str(path) for path in written]})
        return Exit.OK
    for path in written:
        terminal.out().print(terminal.escape(str(path)), soft_wrap=True)
    terminal.err().print(f"next: foreshock plugins check {terminal.escape(str(root))}", soft_wrap=True)
    return Exit.OK


def report(reports: Sequence[Report], *, as_json: bool) -> int:
    """Print what was checked; return 1 when a rule is broken."""
    broken = [(each.plugin, rule) for each in reports for rule in each.broken]
    if as_json:
        terminal.emit({"ok": not broken, "plugins": msgspec.to_builtins(reports)})
        return Exit.FAILED if broken else Exit.OK
    for each in reports:
        for rule in each.rules:
            mark = "[green]kept  [/]" if rule.complaint is None else "[bold red]BROKEN[/]"
            terminal.out().print(f"{mark}  {rule.venue or each.plugin}: {rule.rule.replace('_', ' ')}", soft_wrap=True)
            if rule.complaint is not None:
                terminal.out().print(f"        {terminal.escape(rule.complaint)}", soft_wrap=True)
        kept = len(each.rules) - len(each.broken)
        terminal.err().print(f"{each.plugin}: {kept} of {len(each.rules)} rules kept")
    return Exit.FAILED if broken else Exit.OK


def show(found: Plugins, *, as_json: bool) -> int:
    """Print the plugins; return 1 when one is broken."""
    simulated = frozenset(found.simulations())
    rows = [plugin_row(info, found.connectors, simulated) for info in found.infos]
    if as_json:
        terminal.emit({"plugins": rows})
    else:
        _print(rows)
    return Exit.FAILED if any(row["error"] for row in rows) else Exit.OK


def plugin_row(info: PluginInfo, connectors: Mapping[str, Connector], simulated: Collection[str]) -> dict[str, Any]:
    """Return what is known of one plugin."""
    return {
        **msgspec.to_builtins(info),
        "venues": [venue_row(connectors[venue], simulated=venue in simulated) for venue in info.venues],
    }


def venue_row(connector: Connector, *, simulated: bool) -> dict[str, Any]:
    """Return what is known of one venue; push_interval in seconds."""
    table = connector.packaged_specs()
    return {
        "venue": connector.venue,
        "contracts_packaged": len(table.specs),
        "contracts_checked": table.checked,
        "push_interval": connector.throttle.push_interval,
        "per_symbol_cap": connector.throttle.per_symbol_cap,
        "partial": connector.throttle.partial,
        "simulated": simulated,
        "websocket": connector.endpoints.websocket,
        "rest": connector.endpoints.rest,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    table = terminal.table("VENUE", "PLUGIN", "VERSION", "LIQUIDATIONS", "CONTRACT VALUES", "SIMULATION")
    for row in rows:
        for venue in row["venues"]:
            table.add_row(
                f"[bold]{venue['venue']}[/]",
                row["distribution"] or row["name"],
                row["version"],
                _thinning(venue),
                f"REST, else a table of {venue['contracts_checked']} ({venue['contracts_packaged']})",
                "yes" if venue["simulated"] else "no",
            )
    if table.row_count:
        terminal.out().print(table)
    for row in rows:
        if row["error"]:
            name, error = terminal.escape(row["name"]), terminal.escape(row["error"])
            terminal.out().print(f"[bold red]broken[/]  {name}: {error}", soft_wrap=True)
    if not rows:
        terminal.out().print("no plugin is installed")


def _thinning(venue: dict[str, Any]) -> str:
    if venue["partial"]:
        return "in part"
    if venue["push_interval"] <= 0:
        return "at once"
    cap = venue["per_symbol_cap"]
    limit = f", {cap} a symbol" if cap else ""
    return f"every {venue['push_interval']:g} s{limit}"
