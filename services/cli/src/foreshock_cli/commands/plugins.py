"""`foreshock plugins`: the venues installed here."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from foreshock_cli import terminal
from foreshock_cli.exits import Exit
from foreshock_cli.parser import add_json, describe
from foreshock_sdk.connector import Connector
from foreshock_sdk.discovery import PluginInfo, Plugins


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "List the plugins found by entry points of the group `foreshock`. A broken one is named with its "
        "error; the others work all the same.",
        example="foreshock plugins\nforeshock plugins --json | jq -r '.plugins[].venues[].venue'",
        failed="a plugin is broken",
    )
    add_json(parser, "one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """List them."""
    return show(Plugins(), as_json=args.json)


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
    if venue["push_interval"] <= 0:
        return "at once"
    cap = venue["per_symbol_cap"]
    limit = f", {cap} a symbol" if cap else ""
    return f"every {venue['push_interval']:g} s{limit}"
