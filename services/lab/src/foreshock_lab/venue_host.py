"""Simulated venues on two loopback ports, websockets and REST, in front of the plugins' scripts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from foreshock_lab.domain.facts import FrameReader
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.polling import until
from foreshock_lab.venue_rest import HOST, VenueRest
from foreshock_lab.venue_socket import Outgoing, VenueSocket
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Connector, Endpoints
from foreshock_sdk.instruments import Instruments
from foreshock_sdk.simulation import Push, RestReply, ScriptSession, VenueScript, operator_options, remembered

REMEMBERED = 16
"""Newest frames with liquidations that a duplicate is taken from."""
QUIET_SECONDS = 0.3
log = get_logger("lab")


class Venue(NamedTuple):
    """A simulated venue: its script, a reader of its frames, its present clients, its newest liquidations."""

    script: VenueScript
    connector: Connector
    reader: FrameReader
    sockets: list[VenueSocket]
    newest: deque[Push]


def _venue(script: VenueScript, connector: Connector) -> Venue:
    table = Instruments(script.venue, (*connector.packaged_specs().specs, *script.listing()))
    return Venue(script, connector, FrameReader(connector, table), [], deque(maxlen=REMEMBERED))


class VenueHost:
    """Serves `/<venue>/...`; an async context manager.

    Everything written to a subscribed socket is entered in the ledger: rows a script names as facts, other
    frames as `FrameReader` reads them. What clients are told of the past, in answers or by REST, is entered as that.
    greets: whether greetings are sent (a replay tells its recording only).
    """

    def __init__(
        self,
        scripts: Mapping[str, VenueScript],
        connectors: Mapping[str, Connector],
        *,
        ledger: Ledger,
        clock: Clock,
        greets: bool = True,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self._greets = greets
        self.venues = {name: _venue(script, connectors[name]) for name, script in scripts.items()}
        self._server: Server | None = None
        self._rest = VenueRest(self._answer)

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        self._server = await serve(
            self._connected, HOST, 0, process_request=self._request, compression=None, max_size=2**22
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._rest.__aexit__()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port of the sockets, once started."""
        if self._server is None:
            raise RuntimeError("the host is not started")
        return int(self._server.sockets[0].getsockname()[1])

    def endpoints(self) -> dict[str, Endpoints]:
        """Return where each venue answers."""
        return {
            venue: Endpoints(f"ws://{HOST}:{self.port}/{venue}", f"http://{HOST}:{self._rest.port}/{venue}")
            for venue in self.venues
        }

    def options(self) -> dict[str, Mapping[str, Any]]:
        """Return the options with which connectors hear all that is told here, of the venues that have any."""
        told = {venue: operator_options(house.script) for venue, house in self.venues.items()}
        return {venue: options for venue, options in told.items() if options}

    async def subscribed(self, symbols: Sequence[str] = ()) -> None:
        """Wait until every socket that the connectors describe has come and said all it says first.

        A client that knows contracts the venue does not list says more than that: wait until it falls silent.
        """
        expected = {venue: self._expected(venue, symbols) for venue in self.venues}
        await until(lambda: all(self._heard(venue) >= count for venue, count in expected.items()))
        heard = -1
        while heard != (heard := sum(map(self._heard, self.venues))):  # noqa: ASYNC110 - likewise in `polling`
            await asyncio.sleep(QUIET_SECONDS)

    def push(self, venue: str, pushes: Sequence[Push], *, odd: bool = False) -> None:
        """Give frames to every client that subscribed their channels; odd ones are entered as they read."""
        house = self.venues[venue]
        for push in pushes:
            rows = self._read(venue, push.frame) if odd else self.ledger.facts(push.rows)
            if push.rows and not odd:
                house.newest.append(push)
            for socket in house.sockets:
                if socket.wants(push):
                    socket.put(Outgoing(push.frame, rows))

    async def written(self) -> None:
        """Return when all clients have been written everything."""
        for venue in self.venues.values():
            for socket in tuple(venue.sockets):
                await socket.written()

    def drop_overdue(self) -> None:
        """Cut the clients that the venues would cut."""
        for venue in self.venues.values():
            for socket in venue.sockets:
                if socket.overdue():
                    log.info("client_overdue", path=socket.path)
                    socket.abort()

    def _expected(self, venue: str, symbols: Sequence[str]) -> int:
        house = self.venues[venue]
        listed = Instruments(venue, house.script.listing())
        routes = house.connector.routes(listed, symbols, self.endpoints()[venue])
        return sum(len(route.subscribe) for route in routes)

    def _heard(self, venue: str) -> int:
        return sum(socket.received for socket in self.venues[venue].sockets)

    def _read(self, venue: str, frame: str | bytes) -> list[Hashable]:
        return [told.fact for told in self.venues[venue].reader.read(frame)]

    async def _connected(self, connection: ServerConnection) -> None:
        venue, path = self._split(connection)
        session = self._session(venue, path)
        if session is None:  # refused before the handshake; a path cannot lose its meaning since
            return
        socket = VenueSocket(path, connection, session, ledger=self.ledger, clock=self.clock)
        sockets = self.venues[venue].sockets
        sockets.append(socket)
        try:
            await socket.serve(
                lambda client, push: self._greet(venue, client, push),
                lambda frame: self.ledger.recall(self._read(venue, frame)),
            )
        finally:
            sockets.remove(socket)

    def _greet(self, venue: str, socket: VenueSocket, push: Push) -> None:
        """Send what a venue tells on subscribing: of its past, for a client may have missed that or know it."""
        if self._greets and socket.wants(push):
            self.ledger.recall(self._read(venue, push.frame))
            socket.put(Outgoing(push.frame))

    @staticmethod
    def _split(connection: ServerConnection) -> tuple[str, str]:
        request = connection.request
        return _venue_and_path(request.path if request else "")

    def _session(self, venue: str, path: str) -> ScriptSession | None:
        return self.venues[venue].script.session(path) if venue in self.venues else None

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse what leads nowhere; None lets the websocket handshake go on."""
        asks = "websocket" in request.headers.get("Upgrade", "").lower()
        if asks and self._session(*self._split(connection)) is not None:
            return None
        return connection.respond(HTTPStatus.NOT_FOUND, "no such path\n")

    def _answer(self, target: str, body: bytes) -> RestReply | None:
        venue, path = _venue_and_path(target)
        bare, _, query = path.partition("?")
        if venue not in self.venues:
            return None
        script = self.venues[venue].script
        self.ledger.recall(self.ledger.facts([row.row for row in remembered(script)]))
        return script.rest(bare, query, body)


def _venue_and_path(target: str) -> tuple[str, str]:
    venue, _, rest = target.lstrip("/").partition("/")
    return venue, f"/{rest}"
