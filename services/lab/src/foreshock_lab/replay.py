"""`foreshock replay`: recorded frames through a simulated socket and the whole house."""

from __future__ import annotations

import asyncio
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec

from foreshock_feeds.domain.recording import Recorded
from foreshock_lab.conductor import Conductor
from foreshock_lab.demo import READABLE_PORT, simulations
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.errors import LabError
from foreshock_lab.house import HouseSettings
from foreshock_lab.outcome import summarise
from foreshock_lab.pace import LONGEST_PAUSE_S
from foreshock_lab.polling import until
from foreshock_lab.recording_file import read_frames
from foreshock_lab.run_dir import run_directory
from foreshock_lab.summary import OnProgress, Progress, Summary
from foreshock_lab.venue_host import VenueHost
from foreshock_lab.venue_socket import Outgoing, VenueSocket
from foreshock_runtime.clock import SystemClock, monotonic_ns
from foreshock_runtime.log import get_logger

SCENARIO = "replay"
log = get_logger("lab")


class ReplayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay. speed: 1 is real time; None: as fast as the house takes it."""

    file: Path
    venue: str
    speed: float | None = None
    partitions: int = 1
    redis_url: str | None = None
    tcp_port: int | None = READABLE_PORT
    symbols: tuple[str, ...] = ()
    run_dir: Path | None = None
    data_dir: Path | None = None


class RecordedMarket:
    """A recording told to one venue's clients, in its own order, each frame once for every line."""

    def __init__(self, host: VenueHost, frames: tuple[Recorded, ...], options: ReplayOptions) -> None:
        self._host = host
        self._venue = host.venues[options.venue]
        self._frames = frames
        self._options = options
        self._offsets = _offsets([self._time_of(each) for each in frames])
        self._told = 0

    @property
    def duration_s(self) -> float:
        """From the first to the last frame, in recorded time."""
        return self._offsets[-1]

    @property
    def elapsed_s(self) -> float:
        """How much of it has been told."""
        return self._offsets[self._told - 1] if self._told else 0.0

    async def ready(self) -> None:
        """Wait until all sockets have subscribed."""
        await self._host.subscribed(self._options.symbols)

    async def play(self) -> None:
        """Tell the recording at the speed asked for."""
        start = monotonic_ns()
        schedule = due(self._offsets, self._options.speed)
        for at, (recorded, due_s) in enumerate(zip(self._frames, schedule, strict=True)):
            ahead = due_s - (monotonic_ns() - start) / 1e9
            if ahead > 0:
                await asyncio.sleep(ahead)
            frame = _wire(recorded)
            route, told = self._venue.reader.read_on_route(frame)
            socket = await self._socket(route.url.removeprefix(self._venue.connector.endpoints.websocket))
            await socket.put_waiting(Outgoing(frame, [each.event_id for each in told]))
            self._told = at + 1
        await self._host.written()

    async def _socket(self, path: str) -> VenueSocket:
        """Return the client on this path, else any; wait while there is none."""
        await until(lambda: bool(self._venue.sockets))
        return next((each for each in self._venue.sockets if each.path == path), self._venue.sockets[0])

    def _time_of(self, recorded: Recorded) -> int:
        return recorded.ts_recv or self._venue.reader.time_ms(_wire(recorded)) * 1_000_000


def _wire(recorded: Recorded) -> str | bytes:
    """Return the frame as a text frame carries it, or a binary one where it is no text."""
    try:
        return recorded.frame.decode()
    except UnicodeDecodeError:
        return recorded.frame


def _offsets(times: list[int]) -> list[float]:
    """Return seconds since the first known time, never falling: a recording may repeat itself. times: ns, 0 unknown."""
    first = next((each for each in times if each), 0)
    return list(accumulate(((each - first) / 1e9 if each else 0.0 for each in times), max))


def due(offsets: list[float], speed: float | None) -> list[float]:
    """Return when each frame goes out, in seconds from the first: long pauses cut; at once without a speed.

    Counted from the start, so that what one frame comes late the next ones make up for.
    """
    if speed is None:
        return [0.0] * len(offsets)
    pauses = (min(later - earlier, LONGEST_PAUSE_S) for earlier, later in pairwise(offsets))
    return [each / speed for each in accumulate(pauses, initial=0.0)]


async def run_replay(
    options: ReplayOptions, on_progress: OnProgress | None = None, stop: asyncio.Event | None = None
) -> Summary:
    """Replay a recording through the house on the recording's own clock.

    sent counts the distinct events of the file as an independent parse finds them. Raises LabError.
    """
    frames = tuple(read_frames(options.file))
    if not frames:
        raise LabError(f"{options.file} holds no frames")
    venues = simulations((options.venue,))
    clock, ledger = SystemClock(), Ledger(by_id=True)
    with run_directory(options.run_dir) as place:
        async with VenueHost(venues.scripts, venues.connectors, ledger=ledger, clock=clock, greets=False) as host:
            market = RecordedMarket(host, frames, options)
            conductor = Conductor(_settings(options, host, place.path), market, ledger, clock=clock)
            outcome = await conductor.run(on_progress or _silent, stop or asyncio.Event())
        summary = summarise(SCENARIO, 0, round(market.duration_s, 3), outcome)
        place.keep = place.keep or not summary.ok
        return summary if summary.ok else place.told_in(summary)


def _settings(options: ReplayOptions, host: VenueHost, run_dir: Path) -> HouseSettings:
    return HouseSettings(
        run_dir=run_dir,
        redis_url=options.redis_url,
        tcp_port=options.tcp_port,
        data_dir=options.data_dir,
        fresh=True,
        partitions=options.partitions,
        venues=(options.venue,),
        symbols=options.symbols,
        endpoints=host.endpoints(),
        options=host.options(),
        clock="frames",
    )


def _silent(_: Progress) -> None:
    """Tell nobody."""
