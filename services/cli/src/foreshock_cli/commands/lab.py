"""`foreshock lab`: generate and describe market scenarios."""

from __future__ import annotations

import argparse
import sys

import msgspec

from foreshock_cli import scenario_view, terminal
from foreshock_cli.exits import Exit, unreachable, usage_error
from foreshock_cli.parser import Help, add_json, describe, natural, seconds
from foreshock_lab.domain.scenario import SCENARIOS, generate
from foreshock_lab.domain.timeline import Row, Timeline
from foreshock_sdk.discovery import Plugins

PAGE = 4_096


class Printed(msgspec.Struct, frozen=True):
    """One generated liquidation: offsets in ms from the start, price and size in the venue's units."""

    at_ms: int
    event_ms: int
    venue: str
    raw_symbol: str
    symbol: str
    liquidated_side: str
    price: float
    size: float
    notional_usd: float


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its two actions."""
    describe(
        parser,
        "Market scenarios with known cascades, as the demo plays them: seeded, so that equal arguments make "
        "equal markets.\n\n" + "\n".join(f"  {name:<9}{each.summary}" for name, each in SCENARIOS.items()),
        example="foreshock lab describe cascade --seed 3\nforeshock lab generate flash > flash.jsonl",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    generating = actions.add_parser(
        "generate", help="print a scenario's liquidations, one JSON object a line", formatter_class=Help
    )
    describe(
        generating,
        "Print a scenario's liquidations in order, one JSON object a line: offsets in ms from the start, "
        "price and size in the venue's units.",
        example="foreshock lab generate cascade --seed 1 | jq -c '[.at_ms, .symbol, .notional_usd]'",
    )
    _arguments(generating)
    add_json(generating, "JSON lines, as always")
    describing = actions.add_parser("describe", help="say what is in a scenario", formatter_class=Help)
    describe(
        describing,
        "Say what is in a scenario: how many liquidations where, how bursty, and which cascades a detector "
        "should find.",
        example="foreshock lab describe multi --duration 120",
    )
    _arguments(describing)
    add_json(describing, "one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Generate or describe."""
    timeline = _timeline(args)
    if args.action == "generate":
        _print(timeline)
    elif args.json:
        terminal.emit(timeline.describe())
    else:
        spark = scenario_view.sparkline(timeline.events.at_ms, args.duration)
        summary = SCENARIOS[args.scenario].summary
        terminal.out().print(scenario_view.rendered(timeline.describe(), summary, spark))
    return Exit.OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", choices=tuple(SCENARIOS), metavar="SCENARIO", help=" ".join(SCENARIOS))
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="default: 0")
    parser.add_argument("--duration", type=seconds, default=30.0, metavar="S", help="seconds (default: 30)")
    parser.add_argument(
        "--rate", type=float, metavar="R", help="ordinary liquidations a second (default: the scenario's own)"
    )
    parser.add_argument(
        "--correlation",
        type=float,
        default=0.7,
        metavar="C",
        help="how far bursts spread, 0 to 1 (default: 0.7)",
    )
    parser.add_argument("--venues", metavar="A,B", help="only these venues (default: all that can be simulated)")


def _timeline(args: argparse.Namespace) -> Timeline:
    scripts = Plugins().simulations()
    wanted = args.venues.split(",") if args.venues else sorted(scripts)
    if not wanted:
        raise unreachable("no installed plugin brings a simulated venue", hint="see `foreshock plugins`")
    for venue in wanted:
        if venue not in scripts:
            raise usage_error(f"no simulated venue {venue!r}", hint=f"there are: {', '.join(sorted(scripts))}")
    try:
        return generate(
            args.scenario,
            seed=args.seed,
            duration_s=args.duration,
            rate=args.rate,
            correlation=args.correlation,
            listings={venue: scripts[venue].listing() for venue in wanted},
        )
    except ValueError as error:
        raise usage_error(str(error)) from error


def _print(timeline: Timeline) -> None:
    encoder = msgspec.json.Encoder()
    page: list[Printed] = []
    for row in timeline.rows():
        page.append(_printed(row))
        if len(page) == PAGE:
            sys.stdout.buffer.write(encoder.encode_lines(page))
            page.clear()
    sys.stdout.buffer.write(encoder.encode_lines(page))
    sys.stdout.buffer.flush()


def _printed(row: Row) -> Printed:
    return Printed(
        at_ms=row.at_ms,
        event_ms=row.event_ms,
        venue=row.venue,
        raw_symbol=row.raw_symbol,
        symbol=row.symbol,
        liquidated_side=row.liquidated_side.name,
        price=row.price,
        size=row.size,
        notional_usd=row.notional_usd,
    )
