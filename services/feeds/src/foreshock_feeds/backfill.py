"""What a route missed, asked from the venue's REST."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence

from foreshock_feeds.domain.ingest import Ingest
from foreshock_feeds.domain.policy import POLICIES, Retry
from foreshock_feeds.domain.replayed import drop_before, flag_backfilled
from foreshock_feeds.health import Filling, Gap, RouteHealth, delay_ms
from foreshock_feeds.pair import Outlet
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.recorder import Recorder
from foreshock_feeds.rest import REST_TROUBLE, VenueRest
from foreshock_runtime.clock import Clock, FrameClock
from foreshock_sdk.columns import Decoded, RawBooks, RawContext
from foreshock_sdk.connector import Connector, Endpoints, Purpose, RestRequest, Route, Span
from foreshock_sdk.errors import FrameError

NS_PER_MS = 1_000_000
SECOND_MS = 1_000
"""Some histories tell whole seconds: a row of the first second may be of its later part."""
PAGES = 50
TRIES = 4
FILL_SECONDS = 120.0
"""Then a gap is recorded as it is: whoever reads of it should not wait for long."""


class Backfill:
    """Fills the gaps of one venue's routes, within its REST budget, beside the sockets.

    outlet: where the rows of a route (venue/name) go.
    rows: rows it brought that were not known. longest_seconds: of a longer gap only its end is asked for.
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        connector: Connector,
        endpoints: Endpoints,
        rest: VenueRest,
        *,
        ingest: Ingest,
        outlet: Callable[[str], Outlet],
        health: RouteHealth,
        quarantine: Quarantine,
        clock: Clock,
        longest_seconds: float,
        recorder: Recorder | None = None,
    ) -> None:
        self.rows = 0
        self._connector = connector
        self._endpoints = endpoints
        self._rest = rest
        self._ingest = ingest
        self._outlet = outlet
        self._health = health
        self._quarantine = quarantine
        self._clock = clock
        self._longest_ms = int(longest_seconds * 1_000)
        self._recorder = recorder
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, route: Route, gap: Gap) -> None:
        """Fill a gap as far as the venue's REST has it; the gap is recorded when that is known."""
        span = self._span(gap)
        reason = "the venue keeps no history"
        requests: Sequence[RestRequest] = ()
        if isinstance(self._clock, FrameClock):
            reason = "a recording"
        else:
            try:
                requests = self._connector.backfill_requests(route, self._ingest.instruments, span, self._endpoints)
            except Exception as error:  # noqa: BLE001 - a plugin is foreign code
                reason = _words(error)
        if not requests:
            self._health.gap(gap, Filling(whole=False, reason=reason))
            return
        self._health.filling(gap)
        task = asyncio.create_task(self._fill(requests, gap, span))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up what is being asked; those gaps are recorded as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _span(self, gap: Gap) -> Span:
        """A venue may tell of an event so late as it holds rows back: what it told last may miss the newest."""
        since = gap.since // NS_PER_MS - delay_ms(self._connector.throttle)
        until = -(-gap.until // NS_PER_MS)
        return Span(max(since, until - self._longest_ms), until)

    async def _fill(self, requests: Sequence[RestRequest], gap: Gap, span: Span) -> None:
        rows, reason = 0, "the service stopped"
        try:
            async with asyncio.timeout(FILL_SECONDS):
                for request in requests:
                    async for found in self._pages(request, gap.route, span):
                        rows += self._take(found, gap.route, span)
            whole = span.from_ms <= gap.since // NS_PER_MS
            reason = "" if whole else f"only the last {self._longest_ms / 1_000:g} s were asked for"
        except Exception as error:  # noqa: BLE001 - a plugin reads a foreign answer
            reason = _words(error)
        finally:
            self._health.gap(gap, Filling(not reason, rows, reason))

    async def _pages(self, first: RestRequest, route: str, span: Span) -> AsyncIterator[Decoded]:
        request = first
        for _ in range(PAGES):
            body = await self._ask(request)
            if self._recorder is not None:
                self._recorder.rest(route, request, body, since_ms=span.from_ms)
            found = self._connector.parse_backfill(request, body, self._ingest.instruments)
            yield found
            if found.faults:
                for fault in found.faults:
                    self._quarantine.add(route, body, fault)
                raise FrameError(f"{len(found.faults)} rows were not understood: {found.faults[0].reason}")
            following = self._connector.next_page(request, body)
            if following is None:
                return
            request = following
        raise FrameError(f"more than {PAGES} pages")

    async def _ask(self, request: RestRequest) -> bytes:
        retry = Retry(POLICIES[Purpose.LIQUIDATIONS], random.random)
        while True:
            try:
                return await self._rest.get(request)
            except REST_TROUBLE:
                pause = retry.after(0)
                if retry.failures == TRIES:
                    raise
            await asyncio.sleep(pause)

    def _take(self, found: Decoded, route: str, span: Span) -> int:
        drop_before(found, span.from_ms // SECOND_MS * SECOND_MS)
        flag_backfilled(found)
        found.context, found.books = RawContext(), RawBooks()  # the present is told by the socket
        received = [self._clock.now()] * (1 + max(found.liquidations.frames, default=0))
        outlet = self._outlet(route)
        rows = self._ingest.rows(found, received, lane=outlet.lane)
        outlet.deliver(self._ingest, rows)
        taken = int(rows.liquidations["instrument"].size)
        self.rows += taken
        return taken


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
