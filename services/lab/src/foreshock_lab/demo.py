"""`foreshock demo`: the whole house against simulated venues, judged by the simulator's own ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from foreshock_lab.conductor import Asides, Attendance, Conductor
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.domain.scenario import generate
from foreshock_lab.domain.timeline import Timeline
from foreshock_lab.errors import LabError
from foreshock_lab.house import HouseSettings
from foreshock_lab.outcome import Outcome, summarise
from foreshock_lab.player import Fresh, Player
from foreshock_lab.run_dir import run_directory
from foreshock_lab.summary import (
    OnProgress,
    Progress,
    Summary,
)
from foreshock_lab.venue_host import VenueHost
from foreshock_runtime.clock import SystemClock
from foreshock_sdk.connector import Connector
from foreshock_sdk.discovery import Plugins
from foreshock_sdk.simulation import VenueScript, operator_options

READABLE_PORT = 6379
"""Where redis-cli looks by itself; another free port where it is taken."""
LARGEST_VENUES = ("binance", "bybit", "okx")
"""Most of the world's liquidations."""


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to run.

    Empty venues: all that have a simulation. run_dir is kept; None: a temporary one, kept on failure.
    """

    scenario: str = "cascade"
    seed: int = 0
    duration_s: float = 30.0
    rate: float | None = None
    correlation: float = 0.7
    partitions: int = 1
    redis_url: str | None = None
    tcp_port: int | None = READABLE_PORT
    venues: tuple[str, ...] = LARGEST_VENUES
    symbols: tuple[str, ...] = ()
    run_dir: Path | None = None
    data_dir: Path | None = None
    extra: Mapping[str, Mapping[str, str]] = {}
    """Further settings by service, as field name to text."""


class SimulatedMarket:
    """A timeline played on a host's venues."""

    def __init__(self, host: VenueHost, timeline: Timeline, player: Player, symbols: tuple[str, ...]) -> None:
        self._timeline = timeline
        self._host = host
        self._player = player
        self._symbols = symbols

    @property
    def duration_s(self) -> float:
        """Seconds the timeline lasts."""
        return self._timeline.duration_s

    @property
    def elapsed_s(self) -> float:
        """Seconds since the timeline began."""
        return self._player.elapsed_ms / 1000

    async def ready(self) -> None:
        """Wait until all sockets have subscribed."""
        await self._host.subscribed(self._symbols)

    async def play(self) -> None:
        """Play the timeline in real time."""
        self._player.begin()
        await self._player.finished()


class Simulations(NamedTuple):
    """Simulated venues by name, their connectors, and where new ones come from."""

    scripts: Mapping[str, VenueScript]
    connectors: Mapping[str, Connector]
    fresh: Fresh


def simulations(names: tuple[str, ...] = ()) -> Simulations:
    """Return the simulations of these venues, all when none is named. Raises LabError naming one that has none."""
    plugins = Plugins()
    scripts = {name: each for name, each in plugins.simulations().items() if name in plugins.connectors}
    missing = [name for name in names if name not in scripts]
    if missing or not scripts:
        raise LabError(f"no simulation of {', '.join(missing) or 'any venue'}; there are: {', '.join(sorted(scripts))}")
    wanted = names or tuple(scripts)
    return Simulations(
        {name: scripts[name] for name in wanted},
        {name: plugins.connectors[name].configured(operator_options(scripts[name])) for name in wanted},
        plugins.simulations,
    )


def make_timeline(options: DemoOptions, scripts: Mapping[str, VenueScript]) -> Timeline:
    """Return the timeline of these options. Raises ValueError naming the argument that is out of range."""
    listings = {
        venue: [spec for spec in script.listing() if not options.symbols or spec.symbol in options.symbols]
        for venue, script in scripts.items()
    }
    return generate(
        options.scenario,
        seed=options.seed,
        duration_s=options.duration_s,
        rate=options.rate,
        correlation=options.correlation,
        listings=listings,
    )


async def run_demo(
    options: DemoOptions, on_progress: OnProgress | None = None, stop: asyncio.Event | None = None
) -> Summary:
    """Run the house and judge it. A set `stop` ends the market early and everything else in order.

    Raises LabError (UnreachableError when no server can be had), ValueError for options out of range.
    """
    with run_directory(options.run_dir) as place:
        attendance = Attendance(place.path, on_progress or _silent, stop or asyncio.Event())
        outcome = await conduct(options, attendance)
        summary = summarise(options.scenario, options.seed, options.duration_s, outcome)
        place.keep = place.keep or not summary.ok
        return summary if summary.ok else place.told_in(summary)


async def conduct(
    options: DemoOptions, attendance: Attendance, *, asides: Asides | None = None, ledger: Ledger | None = None
) -> Outcome:
    """Run the house against its simulated venues; return what came of it, not yet judged. Raises as `run_demo`."""
    venues = simulations(options.venues)
    timeline = make_timeline(options, venues.scripts)
    clock, ledger = SystemClock(), Ledger() if ledger is None else ledger
    async with VenueHost(venues.scripts, venues.connectors, ledger=ledger, clock=clock) as host:
        player = Player(host, timeline, venues.fresh)
        market = SimulatedMarket(host, timeline, player, options.symbols)
        settings = _settings(options, host, attendance.run_dir)
        conductor = Conductor(settings, market, ledger, clock=clock, asides=asides)
        ticking = asyncio.create_task(player.run())
        try:
            return await conductor.run(attendance.on_progress, attendance.stop)
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)


def _settings(options: DemoOptions, host: VenueHost, run_dir: Path) -> HouseSettings:
    return HouseSettings(
        run_dir=run_dir,
        redis_url=options.redis_url,
        tcp_port=options.tcp_port,
        data_dir=options.data_dir,
        fresh=True,
        partitions=options.partitions,
        venues=tuple(host.venues),
        symbols=options.symbols,
        endpoints=host.endpoints(),
        options=host.options(),
        extra=options.extra,
    )


def _silent(_: Progress) -> None:
    """Tell nobody."""
