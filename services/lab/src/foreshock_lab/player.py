"""Plays a timeline on the simulated venues: liquidations, prices and oddities, each at its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from foreshock_lab.domain.facts import fact_of
from foreshock_lab.domain.timeline import PRICE_STEP_MS, OddEvent, Oddity, Timeline
from foreshock_lab.odd_frames import craft
from foreshock_lab.venue_host import VenueHost
from foreshock_sdk.events import ContextField, LiquidatedSide
from foreshock_sdk.instruments import InstrumentSpec
from foreshock_sdk.simulation import Push, SimContext, SimLiquidation, VenueScript

TICK_SECONDS = 0.01
NS_PER_MS = 1_000_000
OVERDUE_EVERY = 100
"""Ticks between two looks at the clients' heartbeats."""
AFTER_MS = 2_000
"""The venues push for so long after the last liquidation: their throttles hold rows for up to a second."""
STALL_SECONDS = 1.0
REPEATED_FRAMES = 3
FUNDING_RATE = 0.000_1
MARKED = "BTCUSDT"
"""Connectors take this market's mark price as their sign of life."""


Fresh = Callable[[], Mapping[str, VenueScript]]


class Player:
    """Drives a host in real time. Prices flow as soon as it runs; liquidations from `begin` on.

    fresh makes new scripts, for frames that are bent.
    """

    def __init__(self, host: VenueHost, timeline: Timeline, fresh: Fresh) -> None:
        self._host = host
        self._timeline = timeline
        self._fresh = fresh
        self._marked = {
            venue: [each for each in timeline.specs if each.venue == venue and each.symbol == MARKED]
            for venue in host.venues
        }
        self._start_ms: int | None = None
        self._next_row = 0
        self._next_odd = 0
        self._next_price_ms = 0
        self._finished = asyncio.Event()
        self._columns = [column.tolist() for column in timeline.events]
        self._faults: set[asyncio.Task[None]] = set()

    @property
    def elapsed_ms(self) -> int:
        """Market time since `begin`, 0 before."""
        return 0 if self._start_ms is None else self._now_ms() - self._start_ms

    def begin(self) -> None:
        """Let the timeline start now."""
        self._start_ms = self._now_ms()

    async def finished(self) -> None:
        """Wait until everything has been told and written."""
        await self._finished.wait()
        await self._host.written()

    async def run(self) -> None:
        """Tick for ever; to be cancelled."""
        ticks = 0
        try:
            while True:
                self._tick()
                ticks += 1
                if ticks % OVERDUE_EVERY == 0:
                    self._host.drop_overdue()
                await asyncio.sleep(TICK_SECONDS)
        finally:
            for task in self._faults:
                task.cancel()

    def _tick(self) -> None:
        now_ms = self._now_ms()
        if self._start_ms is not None:
            self._offer(self._start_ms, now_ms - self._start_ms)
            self._bend(now_ms - self._start_ms, now_ms)
        for venue, house in self._host.venues.items():
            self._host.push(venue, house.script.due(now_ms))
            self._host.ledger.withheld(house.script.withheld())
        if now_ms >= self._next_price_ms:
            self._next_price_ms = now_ms + PRICE_STEP_MS
            self._tell_prices(now_ms)
        if self.elapsed_ms > self._timeline.duration_s * 1000 + AFTER_MS:
            self._finished.set()

    def _offer(self, start_ms: int, elapsed_ms: int) -> None:
        last = int(np.searchsorted(self._timeline.events.at_ms, elapsed_ms, side="right"))
        rows: dict[str, list[SimLiquidation]] = {}
        for at in range(self._next_row, last):
            _, event_ms, contract, side, price, size = (column[at] for column in self._columns)
            spec = self._timeline.specs[contract]
            number = self._host.ledger.offer(fact_of(spec, side, start_ms + event_ms, price=price, size=size))
            row = SimLiquidation(number, spec.raw_symbol, LiquidatedSide(side), price, size, start_ms + event_ms)
            rows.setdefault(spec.venue, []).append(row)
        self._next_row = max(last, self._next_row)
        for venue, offered in rows.items():
            self._host.venues[venue].script.offer(offered)

    def _tell_prices(self, now_ms: int) -> None:
        usd = self._timeline.prices.of(MARKED, self.elapsed_ms) if any(self._marked.values()) else 0.0
        for venue, specs in self._marked.items():
            rows = [row for spec in specs for row in _context(spec, usd, now_ms)]
            self._host.push(venue, self._host.venues[venue].script.context(rows, now_ms))

    def _bend(self, elapsed_ms: int, now_ms: int) -> None:
        plan = self._timeline.oddities
        while self._next_odd < len(plan) and plan[self._next_odd].at_ms <= elapsed_ms:
            self._odd(plan[self._next_odd], now_ms)
            self._next_odd += 1

    def _odd(self, event: OddEvent, now_ms: int) -> None:
        house = self._host.venues[event.venue]
        if event.kind in {Oddity.CUT, Oddity.STALL}:
            task = asyncio.create_task(self._disturb(event))
            self._faults.add(task)
            task.add_done_callback(self._faults.discard)
        elif event.kind == Oddity.DUPLICATE:
            self._host.push(event.venue, list(house.newest)[-REPEATED_FRAMES:])
        else:
            self._host.push(event.venue, self._bent(event, now_ms), odd=True)

    def _bent(self, event: OddEvent, now_ms: int) -> Sequence[Push]:
        specs = self._marked[event.venue]
        return craft(event.kind, self._fresh()[event.venue], specs[0], now_ms) if specs else []

    async def _disturb(self, event: OddEvent) -> None:
        sockets = tuple(self._host.venues[event.venue].sockets)
        if event.kind == Oddity.CUT:
            await asyncio.gather(*(socket.cut() for socket in sockets))
            return
        for socket in sockets:
            socket.stall()
        await asyncio.sleep(STALL_SECONDS)
        for socket in sockets:
            socket.resume()

    def _now_ms(self) -> int:
        return self._host.clock.now() // NS_PER_MS


def _context(spec: InstrumentSpec, usd: float, now_ms: int) -> list[SimContext]:
    price = usd * spec.multiplier
    values = (
        (ContextField.MARK, price),
        (ContextField.INDEX, price),
        (ContextField.FUNDING, FUNDING_RATE),
    )
    return [SimContext(spec.raw_symbol, field, value, now_ms) for field, value in values]
