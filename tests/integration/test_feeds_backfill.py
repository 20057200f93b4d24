"""What was missed between two connections is fetched, once, and what could not be is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests.integration.feeds_rest import Answer, Rest
from tests.integration.feeds_toy import House, Toy, server
from websockets.asyncio.server import ServerConnection

from foreshock_feeds import backfill
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.reader import WebsocketsReader
from foreshock_feeds.venue import Tuning
from foreshock_lab.polling import within
from foreshock_runtime.clock import SystemClock
from foreshock_sdk import Decoded, Endpoints, EventFlag, Fault, Instruments, RestRequest, Route, Span
from foreshock_sdk.columns import RawLiquidation
from foreshock_sdk.events import LiquidatedSide, PriceKind

LATE_MS = 600
"""The toy holds rows back for 0.1 s, and 0.5 s may pass on the way."""


class Page(msgspec.Struct):
    """A page of the toy's history: prices with their times, whether another follows, whether a row is bad."""

    rows: list[tuple[float, int]]
    more: bool = False
    bad: bool = False


class Historic(Toy):
    """A toy with a history at /history."""

    fault: Exception | None = None

    def __init__(self, url: str, rest: str) -> None:
        super().__init__(url)
        self.endpoints = Endpoints(url, rest)
        self.spans: list[Span] = []

    def backfill_requests(
        self, route: Route, instruments: Instruments, span: Span, endpoints: Endpoints
    ) -> Sequence[RestRequest]:
        if self.fault is not None:
            raise self.fault
        self.spans.append(span)
        return [RestRequest(name="history", url=f"{endpoints.rest}/history", timeout=1.0)]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        if not msgspec.json.decode(body, type=Page).more:
            return None
        return msgspec.structs.replace(request, url=f"{request.url}+")

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:
        found, page = Decoded(), msgspec.json.decode(body, type=Page)
        for price, ms in page.rows:
            row = RawLiquidation(0, LiquidatedSide.LONG, price, PriceKind.AVERAGE, 1.0, ms, price)
            found.liquidations.append(0, row)
        if page.bad:
            found.faults.append(Fault(0, 7, "no price"))
        return found


class Past:
    """A venue that was cut once, and what it says it told meanwhile."""

    def __init__(self, site: Rest, connector: Historic, house: House) -> None:
        self.site = site
        self.connector = connector
        self.house = house

    def told(self, kind: str) -> list[dict[Any, Any]]:
        entries = [dict(zip(each[6::2], each[7::2], strict=True)) for each in self.house.health.waiting]
        return [entry for entry in entries if entry["kind"] == kind]

    async def gap(self) -> dict[Any, Any]:
        """Wait for the gap to be recorded."""
        assert await within(20, lambda: self.house.health.gaps == 1)
        (gap,) = self.told("gap")
        return gap


@asynccontextmanager
async def cut_once(site: Rest, tuning: Tuning | None = None, fault: Exception | None = None) -> AsyncIterator[Past]:
    """Run a venue that is cut after its first canary and comes back, while REST says what the test told it to."""
    came = 0

    async def handler(client: ServerConnection) -> None:
        nonlocal came
        came += 1
        await client.recv()
        await client.send(json.dumps({"canary": 1, "price": 1}))
        if came == 1:
            await asyncio.sleep(0.1)
            client.transport.abort()
        await client.wait_closed()

    async with server(handler) as url:
        connector = Historic(url, site.endpoints.rest)
        connector.fault = fault
        house = House(url, WebsocketsReader, connector=connector, tuning=tuning or Tuning(chance=lambda: 0.1))
        await house.venue.start([])
        house.health.started()
        try:
            await house.until(lambda: house.states.count(RouteState.LIVE) == 2)
            yield Past(site, connector, house)
        finally:
            await house.venue.stop()


def page(*rows: tuple[float, int], more: bool = False, bad: bool = False) -> bytes:
    return msgspec.json.encode(Page([*rows], more, bad))


async def test_every_page_of_the_time_that_was_missed_is_read_and_what_was_known_counts_once() -> None:
    now = SystemClock().now() // 10**6
    with Rest().serving() as site:
        # The first row of the history came on the socket: its time is the one that the toy's decoder gives it.
        site.answers = {"history": page((7.0, now), (5.0, now - 60_000), more=True), "history+": page((8.0, now + 1))}
        async with cut_once(site) as past:
            gap = await past.gap()
            (span,) = past.connector.spans
            asked = past.told("backfill")
            assert past.house.venue.backfill is not None
            assert past.house.venue.backfill.rows == 2
    assert sorted(past.house.prices) == [1.0, 7.0, 8.0], "what is older than the gap is not news"
    assert (gap["filled"], gap["rows"], gap["reason"]) == ("rest", "2", "")
    assert [(each["from_ns"], each["to_ns"]) for each in asked] == [(gap["from_ns"], gap["to_ns"])]
    assert span.from_ms == int(gap["from_ns"]) // 10**6 - LATE_MS
    assert 0 <= span.to_ms * 10**6 - int(gap["to_ns"]) < 10**6
    assert set(past.house.flags[1:]) == {EventFlag.BACKFILLED | EventFlag.PACKAGED_SPECS}


async def test_a_history_that_fails_is_asked_again() -> None:
    with Rest().serving() as site:
        site.answers = {"history": [Answer(500), Answer(500), page((7.0, SystemClock().now() // 10**6))]}
        async with cut_once(site) as past:
            gap = await past.gap()
    assert (gap["filled"], gap["rows"]) == ("rest", "1")
    assert site.asked == ["history"] * 3


async def test_a_history_that_never_answers_leaves_the_gap_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "TRIES", 2)
    with Rest().serving() as site:
        site.answers = {"history": Answer(500)}
        async with cut_once(site) as past:
            gap = await past.gap()
    assert (gap["filled"], gap["rows"], gap["reason"]) == ("no", "0", "RestRefused: HTTP 500 Internal Server Error")
    assert site.asked == ["history"] * 2


async def test_rows_that_were_not_understood_leave_the_gap_with_those_that_were() -> None:
    with Rest().serving() as site:
        site.answers = {"history": page((7.0, SystemClock().now() // 10**6), bad=True)}
        async with cut_once(site) as past:
            gap = await past.gap()
            assert past.house.quarantine.counts == {"toy/main": 1}
    assert (gap["filled"], gap["rows"]) == ("no", "1")
    assert gap["reason"] == "FrameError: 1 rows were not understood: no price"
    assert past.house.prices[-1] == 7.0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"{", "DecodeError: Input data was truncated"),
        (page(more=True), "FrameError: more than 3 pages"),
    ],
)
async def test_a_history_that_makes_no_sense_leaves_the_gap(
    answer: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "PAGES", 3)
    with Rest().serving() as site:
        site.answers = {"history" + "+" * number: answer for number in range(5)}
        async with cut_once(site) as past:
            gap = await past.gap()
    assert (gap["filled"], gap["reason"]) == ("no", reason)


async def test_of_a_long_gap_only_the_end_is_asked_for_and_that_is_no_whole_gap() -> None:
    with Rest().serving() as site:
        site.answers = {"history": page()}
        async with cut_once(site, Tuning(backfill_seconds=0.05, chance=lambda: 0.2)) as past:
            gap = await past.gap()
            (span,) = past.connector.spans
    assert span.to_ms - span.from_ms == 50
    assert (gap["filled"], gap["reason"]) == ("no", "only the last 0.05 s were asked for")


async def test_a_plugin_that_cannot_say_what_to_ask_leaves_the_gap() -> None:
    with Rest().serving() as site:
        async with cut_once(site, fault=LookupError("which history?")) as past:
            gap = await past.gap()
            assert past.told("backfill") == []
    assert (gap["filled"], gap["reason"]) == ("no", "LookupError: which history?")


async def test_a_stop_while_history_is_asked_for_leaves_the_gap() -> None:
    with Rest().serving() as site:
        site.answers = {"history": None}
        async with cut_once(site) as past:
            assert past.told("gap") == []
        gap = await past.gap()
    assert (gap["filled"], gap["reason"]) == ("no", "the service stopped")


async def test_a_venue_without_history_has_its_gaps_recorded_at_once() -> None:
    came = 0

    async def handler(client: ServerConnection) -> None:
        nonlocal came
        came += 1
        await client.recv()
        await client.send(json.dumps({"canary": 1}))
        if came == 1:
            client.transport.abort()
        await client.wait_closed()

    async with server(handler) as url:
        house = House(url, WebsocketsReader, tuning=Tuning(chance=lambda: 0.1))
        await house.venue.start([])
        house.health.started()
        try:
            await house.until(lambda: house.states.count(RouteState.LIVE) == 2)
            (gap,) = [each for each in house.health.waiting if "gap" in each]
        finally:
            await house.venue.stop()
    assert gap[-6:] == ("filled", "no", "rows", "0", "reason", "the venue keeps no history")
