"""How the contract of connectors looks at one: its venue at a stand-in address, its decoders' answers as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from foreshock_sdk.columns import Decoded
from foreshock_sdk.connector import Connector, Endpoints, RestRequest, Route
from foreshock_sdk.events import LiquidatedSide, PriceKind
from foreshock_sdk.instruments import Instruments, InstrumentSpec
from foreshock_sdk.reading import LARGEST, SMALLEST, YEAR_2100_MS
from foreshock_sdk.simulation import ScriptSession, SimLiquidation, VenueScript, operator_options

NOW_MS = 1_790_000_000_000
PREFIX = "/venue"
STAND_IN = Endpoints(f"ws://stand-in.test{PREFIX}", f"http://stand-in.test{PREFIX}")
HTTP_OK = 200
COLUMNS = ("instrument", "side", "price", "price_kind", "size", "ts_event_ms", "identity_a", "identity_b", "flags")


def demand(holds: object, complaint: str) -> None:
    """Raise AssertionError with the complaint unless it holds."""
    if not holds:
        raise AssertionError(complaint)


class Probe:
    """One connector beside its simulated venue, with the options to hear all of it."""

    def __init__(self, connector: Connector, make_script: Callable[[], VenueScript]) -> None:
        self.script = make_script()
        self.connector = connector.configured(options) if (options := operator_options(self.script)) else connector
        self.instruments = Instruments(connector.venue, self.script.listing())
        self.routes = list(self.connector.routes(self.instruments, (), STAND_IN))

    def session(self, route: Route) -> ScriptSession:
        """Open a session where the route leads."""
        session = self.script.session(_path(route.url))
        if session is None:
            raise AssertionError(f"the venue has no {route.url}")
        return session

    def subscribed(self) -> Iterator[tuple[Route, ScriptSession]]:
        """Yield every route with a session that has subscribed it."""
        for route in self.routes:
            session = self.session(route)
            for number, frame in enumerate(route.subscribe):
                session.receive(frame, NOW_MS + number * 1000)
            yield route, session

    def fetched(self) -> dict[str, bytes]:
        """Fetch every page of the venue's contracts, by request name."""
        return {request.name: body for request, body in self.answers(self.connector.spec_requests(STAND_IN))}

    def answers(self, requests: Sequence[RestRequest]) -> list[tuple[RestRequest, bytes]]:
        """Make requests and those for the pages after them; return each with its answer."""
        answered: list[tuple[RestRequest, bytes]] = []
        waiting, names = list(requests), set[str]()
        while waiting:
            request = waiting.pop(0)
            demand(request.name not in names, f"two requests are named {request.name}")
            names.add(request.name)
            path, _, query = _path(request.url).partition("?")
            reply = self.script.rest(path, query, request.body or b"")
            if reply is None or reply.status != HTTP_OK:
                raise AssertionError(f"the venue does not answer {request.url}")
            answered.append((request, reply.body))
            following = self.connector.next_page(request, reply.body)
            waiting += [following] if following else []
        return answered

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Feed frames to a new decoder of the first route."""
        return self.connector.decoder(self.routes[0], self.instruments).feed(frames)

    def feed_one_by_one(self, frames: Sequence[str | bytes]) -> list[Decoded]:
        """Feed frames to a new decoder of the first route, a call each."""
        decoder = self.connector.decoder(self.routes[0], self.instruments)
        return [decoder.feed([frame]) for frame in frames]

    def rows(self, found: Decoded) -> list[tuple[str, int, float, float, int]]:
        """Return contract, side, price, size and time of every row."""
        specs, rows = self.instruments.specs, found.liquidations
        names = [specs[index].raw_symbol for index in rows.instrument]
        return list(zip(names, rows.side, rows.price, rows.size, rows.ts_event_ms, strict=True))

    def demand_truth(self, found: Decoded, frames: int, about: object) -> None:
        """Demand that all columns have one length and that no row says what cannot be."""
        rows, context = found.liquidations, found.context
        lengths = {len(getattr(rows, column)) for column in (*COLUMNS, "frames")}
        lengths_told = {len(getattr(context, column)) for column in context.__slots__}
        demand(len(lengths) == 1 and len(lengths_told) == 1, f"columns of unequal lengths: {about!r}")
        numbers = [*rows.price, *rows.size]
        demand(all(SMALLEST <= number < LARGEST for number in numbers), f"{numbers} from {about!r}")
        demand(all(abs(number) < LARGEST for number in context.value), f"{context.value} from {about!r}")
        times = [*rows.ts_event_ms, *context.ts_event_ms]
        demand(all(0 < time < YEAR_2100_MS for time in times), f"times {times} from {about!r}")
        indices = [*rows.instrument, *context.instrument]
        demand(all(0 <= index < len(self.instruments) for index in indices), f"a contract of no table: {about!r}")
        demand(set(rows.side) <= set(LiquidatedSide) and set(rows.price_kind) <= set(PriceKind), f"{about!r}")
        places = [*rows.frames, *context.frame, *(fault.frame for fault in found.faults)]
        demand(all(0 <= place < frames for place in places), f"frames {places} of {frames}: {about!r}")


def columns_of(parts: Sequence[Decoded]) -> Mapping[str, list[Any]]:
    """Return the columns of several answers, one after the other, without the frame's number."""
    return {column: [value for part in parts for value in getattr(part.liquidations, column)] for column in COLUMNS}


def offers(listing: Sequence[InstrumentSpec]) -> list[SimLiquidation]:
    """Return one liquidation a contract, of either side, over many orders of magnitude."""
    return [
        SimLiquidation(
            row=row,
            raw_symbol=spec.raw_symbol,
            liquidated_side=LiquidatedSide(row % 2),
            price=(1 + row / 7) * 10.0 ** (row % 13 - 7),
            size=(1 + row / 3) * 10.0 ** (row % 11 - 4),
            ts_event_ms=NOW_MS + row,
        )
        for row, spec in enumerate(listing)
    ]


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path.removeprefix(PREFIX) + (f"?{parts.query}" if parts.query else "")
