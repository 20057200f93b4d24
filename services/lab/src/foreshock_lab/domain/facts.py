"""A liquidation as both ends of the house can state it, and how a frame is read without the house."""

from __future__ import annotations

from typing import NamedTuple

from foreshock_sdk.columns import Decoded
from foreshock_sdk.connector import Connector, Decoder, Route
from foreshock_sdk.instruments import USD_LIKE, Instruments, InstrumentSpec, convert
from foreshock_sdk.rows import NS_PER_MS, liquidation_events

DIGITS = 12
"""Figures are compared to so many digits: a column and a row may be converted to differ in the last bit."""


class Fact(NamedTuple):
    """What happened: side a `LiquidatedSide`, event_ms the venue's time, price and quantity per base coin."""

    venue: str
    raw_symbol: str
    side: int
    event_ms: int
    price: float
    quantity: float

    def timeless(self) -> Fact:
        """Return the fact without its time, for a row whose time the house had to correct."""
        return self._replace(event_ms=0)

    def to_the_second(self) -> Fact:
        """Return the fact with a time in whole seconds, as some venues' histories have it."""
        return self._replace(event_ms=self.event_ms // 1000 * 1000)


class Told(NamedTuple):
    """A row of a frame: the fact, and the number every process gives the event."""

    fact: Fact
    event_id: int


def rounded(value: float) -> float:
    """Return a figure to `DIGITS` digits."""
    return float(f"{value:.{DIGITS}g}")


def fact_of(spec: InstrumentSpec, side: int, event_ms: int, *, price: float, size: float) -> Fact:
    """State a liquidation given in the venue's own units."""
    per_coin, quantity, _ = convert(price, size, spec.contract_value, int(spec.usd_sized), spec.multiplier)
    return Fact(spec.venue, spec.raw_symbol, int(side), event_ms, rounded(per_coin), rounded(quantity))


class FrameReader:
    """Reads a venue's frames one by one: what a frame says, whoever sends it and however often.

    instruments: the venue's contracts; a decoder may add to them.
    """

    def __init__(self, connector: Connector, instruments: Instruments) -> None:
        self._instruments = instruments
        self.routes = tuple(connector.routes(instruments, (), connector.endpoints))
        self._decoders: list[Decoder] = [connector.decoder(route, instruments) for route in self.routes]

    def time_ms(self, frame: str | bytes) -> int:
        """Return when the frame was pushed, else when its newest row happened; 0 when it says neither."""
        decoded = [decoder.feed([frame]) for decoder in self._decoders]
        pushed = max(each.pushed_ms for each in decoded)
        return pushed or max((at for each in decoded for at in each.liquidations.ts_event_ms), default=0)

    def read(self, frame: str | bytes) -> list[Told]:
        """Return the liquidations in a frame, but for those that have no value in USD: the house drops them."""
        return self.read_on_route(frame)[1]

    def read_on_route(self, frame: str | bytes) -> tuple[Route, list[Told]]:
        """Return them and their route: the first whose decoder finds any, else the first of all."""
        for route, decoder in zip(self.routes, self._decoders, strict=True):
            found = decoder.feed([frame])
            if len(found.liquidations):
                return route, self._tell(found)
        return self.routes[0], []

    def _tell(self, found: Decoded) -> list[Told]:
        return [
            Told(
                Fact(
                    each.venue,
                    each.raw_symbol,
                    int(each.liquidated_side),
                    each.ts_event // NS_PER_MS,
                    rounded(each.price),
                    rounded(each.quantity),
                ),
                int(each.event_id, 16),
            )
            for row, each in zip(
                found.liquidations.instrument, liquidation_events(found, self._instruments, ts_recv=0), strict=True
            )
            if self._instruments.specs[row].quote in USD_LIKE
        ]
