"""Plays a timeline on the simulated venues: liquidations, prices and oddities, each at its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from foreshock_lab.domain.facts import fact_of
from foreshock_lab.domain.telling import Marks, Teller
from foreshock_lab.domain.timeline import PRICE_STEP_MS, OddEvent, Oddity, Timeline
from foreshock_lab.odd_frames import craft
from foreshock_lab.venue_host import VenueHost
from foreshock_sdk.simulation import Push, SimLiquidation, VenueScript

TICK_SECONDS = 0.01
NS_PER_MS = 1_000_000
OVERDUE_EVERY = 100
"""Ticks between two looks at the clients' heartbeats."""
AFTER_MS = 2_000
"""The venues push for so long after the last liquidation: their throttles hold rows for up to a second."""
STALL_SECONDS = 1.0
REPEATED_FRAMES = 3


Fresh = Callable[[], Mapping[str, VenueScript]]


class Player:
    """Drives a host in its clock's time. Prices flow as soon as it runs; liquidations from `begin` on.

    fresh makes new scripts, for frames that are bent. strict: clients that are overdue are cut, as the venues do; not
    where the host's clock is faster than theirs.
    """

    def __init__(self, host: VenueHost, timeline: Timeline, fresh: Fresh, *, strict: bool = True) -> None:
        self._host = host
        self._timeline = timeline
        self._fresh = fresh
        self._strict = strict
        self._marks = Marks(timeline)
        self._start_ms: int | None = None
        self._teller: Teller | None = None
        self._next_odd = 0
        self._next_price_ms = 0
        self._finished = asyncio.Event()
        self._faults: set[asyncio.Task[None]] = set()

    @property
    def elapsed_ms(self) -> int:
        """Market time since `begin`, 0 before."""
        return 0 if self._start_ms is None else self._now_ms() - self._start_ms

    def begin(self) -> None:
        """Let the timeline start now."""
        self._start_ms = self._now_ms()
        self._teller = Teller(self._timeline, self._start_ms)

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
                if self._strict and ticks % OVERDUE_EVERY == 0:
                    self._host.drop_overdue()
                await asyncio.sleep(TICK_SECONDS)
        finally:
            for task in self._faults:
                task.cancel()

    def _tick(self) -> None:
        now_ms = self._now_ms()
        if self._teller is not None:
            self._offer(self._teller, now_ms)
            self._bend(self.elapsed_ms, now_ms)
        for venue, house in self._host.venues.items():
            self._host.push(venue, house.script.due(now_ms))
            self._host.ledger.withheld(house.script.withheld())
        if now_ms >= self._next_price_ms:
            self._next_price_ms = now_ms + PRICE_STEP_MS
            self._tell_prices(now_ms)
        if self.elapsed_ms > self._timeline.duration_s * 1000 + AFTER_MS:
            self._finished.set()

    def _offer(self, teller: Teller, now_ms: int) -> None:
        rows: dict[str, list[SimLiquidation]] = {}
        for spec, told in teller.until(now_ms):
            fact = fact_of(spec, told.liquidated_side, told.ts_event_ms, price=told.price, size=told.size)
            row = msgspec.structs.replace(told, row=self._host.ledger.offer(fact))
            rows.setdefault(spec.venue, []).append(row)
        for venue, offered in rows.items():
            self._host.venues[venue].script.offer(offered)

    def _tell_prices(self, now_ms: int) -> None:
        for venue, house in self._host.venues.items():
            rows = self._marks.rows(venue, self.elapsed_ms, now_ms)
            self._host.push(venue, house.script.context(rows, now_ms))

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
        specs = self._marks.specs[event.venue]
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
