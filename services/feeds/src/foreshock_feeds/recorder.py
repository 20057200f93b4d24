"""Writes down every frame as the reader returned it, beside the way that the frames take and without holding it up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import msgspec

from foreshock_feeds.domain.recording import (
    ContractsData,
    CutData,
    Kind,
    Recorded,
    RestData,
)
from foreshock_feeds.reader import Heard, OpenSocket, Socket
from foreshock_feeds.segments import SegmentOptions, Segments
from foreshock_feeds.settings import FeedsSettings
from foreshock_feeds.tape import FLUSH_SECONDS, Batch, Item, Tape, dropped_record, frames_in
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_runtime.scrubbing import is_secret_name, scrub
from foreshock_sdk.connector import Heartbeat, Purpose, RestRequest, Route

QUEUE_FRAMES = 10_000
"""Frames that wait for the disk at most; more are dropped, counted and told of in the recording."""
CHUNK_FRAMES = 1_000
CLOSE_SECONDS = 10.0
log = get_logger("feeds")


def segments_of(settings: FeedsSettings, folder: Path) -> SegmentOptions:
    """Return how settings say to record into a folder."""
    return SegmentOptions(
        folder=folder,
        segment_bytes=settings.record_segment_bytes,
        segment_seconds=settings.record_segment_seconds,
        keep_bytes=settings.record_keep_bytes,
    )


class Recorder:
    """Takes what happens on the loop's thread and writes it on its own. Call `close` at the end.

    counted is told of frames as their number grows: (written, dropped).
    """

    def __init__(
        self,
        options: SegmentOptions,
        source: str,
        clock: Clock,
        counted: Callable[[int, int], None] | None = None,
    ) -> None:
        self.overflown = 0
        """Frames there was no room for, and other records."""
        self.options: Mapping[str, Mapping[str, Any]] = {}
        """The operator's options by venue: decoders may depend on them. Those that are named as secrets stay out."""
        self._clock = clock
        self._counted = counted or _nobody
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._connections = count(1)
        self._taken = 0
        """Frames put into the queue. This and the next belong to the loop's thread, `_writing` to the other."""
        self._untold = 0
        self._contracts: dict[str, bytes] = {}
        self._tape = Tape(Segments(options, source), source)
        self._thread = Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def written(self) -> int:
        """Frames that are in the files."""
        return self._tape.written

    @property
    def dropped(self) -> int:
        """Frames that are not: there was no room, or the disk took nothing."""
        return self.overflown + self._tape.lost

    def around(self, name: str, route: Route, open_socket: OpenSocket) -> OpenSocket:
        """Return a way to open this route's sockets (name: venue/route) that records what they return."""

        @asynccontextmanager
        async def opened(url: str, heartbeat: Heartbeat, heard: Heard) -> AsyncIterator[Socket]:
            connection = _Connection(self, name, route)
            async with open_socket(url, heartbeat, connection.listening(heard)) as socket:
                connection.open()
                try:
                    yield socket
                finally:
                    self._put(Recorded(b"", self._clock.now(), Kind.CLOSED, name, connection.number))

        def opening(url: str, heartbeat: Heartbeat, heard: Heard) -> AbstractAsyncContextManager[Socket]:
            return opened(url, heartbeat, heard)

        return opening

    def contracts(self, told: ContractsData) -> None:
        """Note the contracts in use, unless they are those noted last; a decoder cannot be had without them."""
        options = {name: value for name, value in self.options.get(told.venue, {}).items() if not is_secret_name(name)}
        data = msgspec.json.encode(msgspec.structs.replace(told, options=options))
        if self._contracts.get(told.venue) != data:
            self._contracts[told.venue] = data
            self._put(Recorded(b"", self._clock.now(), Kind.CONTRACTS, f"{told.venue}/", 0, data))

    def rest(self, name: str, request: RestRequest, body: bytes, *, since_ms: int) -> None:
        """Note what a venue's REST answered to fill a gap of a route (name: venue/route); older rows do not count."""
        asked = msgspec.structs.replace(request, url=scrub(request.url))
        data = msgspec.json.encode(RestData(asked, since_ms))
        self._put(Recorded(body, self._clock.now(), Kind.REST, name, 0, data))

    def cut(self, clock: int, told: CutData) -> None:
        """Note that what came until here was made entries of this time, ns UTC."""
        self._put(Recorded(b"", clock, Kind.CUT, data=msgspec.json.encode(told)))

    def close(self) -> None:
        """Write what waits and end the file."""
        if self._untold:
            self._telldropped_record(self._clock.now())
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.error("recording_unfinished", waiting=self._waiting())

    def frames(self, route: str, connection: int, frames: Sequence[bytes | str], received: Sequence[int]) -> None:
        """Take the frames of one read; never waits."""
        number = len(frames)
        waiting = self._waiting()
        if waiting and waiting + number > QUEUE_FRAMES:
            self.overflown += number
            self._untold += number
            return
        if self._untold:
            self._telldropped_record(received[0])
        self._taken += number
        self._queue.put(Batch(route, connection, frames, received))

    def next_connection(self) -> int:
        """Return a number that no other connection of this recording has."""
        return next(self._connections)

    def opened(self, name: str, connection: int, route: Route) -> None:
        """Note a new connection: what was asked for, without what may identify an account."""
        asked = () if route.purpose is Purpose.PRIVATE else route.subscribe
        data = msgspec.json.encode(msgspec.structs.replace(route, url=scrub(route.url), subscribe=asked, polls=()))
        self._put(Recorded(b"", self._clock.now(), Kind.OPENED, name, connection, data))

    def _waiting(self) -> int:
        return self._taken - self._tape.written - self._tape.lost

    def _telldropped_record(self, now: int) -> None:
        log.error("frames_not_recorded", frames=self._untold)
        self._queue.put(dropped_record(now, self._untold))
        self._counted(0, self._untold)
        self._untold = 0

    def _put(self, record: Recorded) -> None:
        rare = record.kind in {Kind.CONTRACTS, Kind.OPENED, Kind.CLOSED}
        if rare or self._queue.qsize() < QUEUE_FRAMES:
            self._queue.put(record)
        else:
            self.overflown += 1
            self._untold += 1

    def _run(self) -> None:
        while self._round():
            pass
        self._tape.end()

    def _round(self) -> bool:
        """Write what waits, or flush when nothing does; return False at the end."""
        try:
            item = self._queue.get(timeout=FLUSH_SECONDS)
        except Empty:
            self._tape.flush()
            return True
        items: list[Item] = []
        frames = 0
        while item is not None:
            items.append(item)
            frames += frames_in(item)
            if frames >= CHUNK_FRAMES or len(items) >= CHUNK_FRAMES or self._queue.empty():
                break
            item = self._queue.get()
        if items:
            self._counted(*self._tape.write(items, frames, self._clock.now()))
        return item is not None


class _Connection:
    """One socket of a route: noted when it is open, or when it brings a frame before we know."""

    def __init__(self, recorder: Recorder, name: str, route: Route) -> None:
        self.number = recorder.next_connection()
        self._recorder = recorder
        self._name = name
        self._route = route
        self._told = False

    def open(self) -> None:
        if not self._told:
            self._told = True
            self._recorder.opened(self._name, self.number, self._route)

    def listening(self, heard: Heard) -> Heard:
        """Return what hears the frames: the recorder first, so that it has what a decoder fails on."""
        record, name, number = self._recorder.frames, self._name, self.number

        def hear(frames: Sequence[bytes | str], received: Sequence[int]) -> None:
            if not self._told:
                self.open()
            record(name, number, frames, received)
            heard(frames, received)

        return hear


def _nobody(_written: int, _dropped: int) -> None:
    """Tell nobody."""
