"""`foreshock normalize`: a venue's frames into canonical liquidations."""

from __future__ import annotations

import argparse
import sys

import msgspec

from foreshock_cli import line_source, venues
from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.normalizing import Normalized, Normalizer, parse_specs
from foreshock_cli.parser import add_json, describe
from foreshock_sdk.connector import Connector
from foreshock_sdk.errors import ForeshockError
from foreshock_sdk.instruments import InstrumentSpec

ENCODER = msgspec.json.Encoder()


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    describe(
        parser,
        "Read a venue's websocket frames, one a line, and print its liquidations in canonical form, one JSON "
        "object a line: venue symbol instrument raw_symbol liquidated_side price price_kind quantity "
        "notional_usd ts_event_ns event_id spec_version. A bad line or row is a JSON object on stderr (line from 1, "
        "row from 0) and the good ones beside it are still printed. Acks, pongs and other channels are silent. "
        "Exact duplicates stay: equal events have equal event_id. Needs no Redis and no network.",
        example="foreshock normalize binance frames.jsonl.gz\n"
        "websocat wss://... | foreshock normalize okx | jq .notional_usd",
        failed="a line or a row was bad",
    )
    parser.add_argument("venue", help="an installed venue: see `foreshock plugins`")
    parser.add_argument("file", nargs="?", default="-", help="frames, one a line; may be gzipped (default: stdin)")
    parser.add_argument(
        "--specs",
        metavar="FILE",
        action="append",
        help="the venue's REST answer with its contracts (exchangeInfo, instruments ...) to use instead of "
        "the packaged table; may be given again for a further page or category",
    )
    parser.add_argument(
        "--snapshots",
        action="store_true",
        help="also print what some venues tell of the past to whoever subscribes: no news, so left out else",
    )
    parser.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an option of the venue, as its README names it (VALUE: JSON, else text); may be given again",
    )
    add_json(parser, "JSON lines, as always")


def run(args: argparse.Namespace) -> int:
    """Print what the file holds."""
    connector = venues.configured(venues.find(args.venue), args.option)
    normalizer = Normalizer(connector, _specs(connector, args.specs), snapshots=args.snapshots)
    bad = 0
    with line_source.opened(args.file) as stream:
        for lines in line_source.batches(stream):
            found = normalizer.feed(lines)
            _write(found)
            bad += len(found.bad)
    return Exit.FAILED if bad else Exit.OK


def _write(found: Normalized) -> None:
    if found.rows:
        sys.stdout.buffer.write(ENCODER.encode_lines(found.rows))
        sys.stdout.buffer.flush()
    if found.bad:
        sys.stderr.buffer.write(ENCODER.encode_lines(found.bad))
        sys.stderr.buffer.flush()


def _specs(connector: Connector, files: list[str] | None) -> list[InstrumentSpec] | None:
    if not files:
        return None
    found = [spec for name in files for spec in _specs_of(connector, name)]
    # The last of a name counts: values the venue itself gave go before those a connector filled in.
    return sorted(found, key=lambda spec: not spec.packaged)


def _specs_of(connector: Connector, name: str) -> list[InstrumentSpec]:
    try:
        return parse_specs(connector, line_source.whole(name))
    except ForeshockError as error:
        raise CommandError(f"{name} is not a list of {connector.venue}'s contracts: {error}") from error
