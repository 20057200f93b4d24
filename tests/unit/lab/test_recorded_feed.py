"""A recording as feeds once more: connections, gaps that REST filled, and what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from tests.unit.feeds.feed_parts import ROUTE, ToyConnector, ToyDecoder

from foreshock_feeds.domain.recording import ContractsData, CutData, DroppedData, Kind, Recorded, RestData
from foreshock_lab.errors import LabError
from foreshock_lab.recorded_feed import Entry, SourceFeed
from foreshock_model.batch import decode
from foreshock_sdk.columns import Decoded, RawLiquidation
from foreshock_sdk.connector import RestRequest, Route
from foreshock_sdk.errors import FrameError, OptionError
from foreshock_sdk.events import EventFlag, LiquidatedSide, PriceKind
from foreshock_sdk.instruments import Instruments, InstrumentSpec

NS = 10**9
ROUTE_NAME = "toy/main"
SPECS = (InstrumentSpec(venue="toy", raw_symbol="BTC", base="BTC", quote="USDT"),)
HISTORY = RestRequest(name="history", url="http://127.0.0.1:1/history")


class Bomb(ToyDecoder):
    def feed(self, frames: Any) -> Decoded:
        if b"bomb" in frames:
            raise RuntimeError("the decoder is broken")
        return super().feed(frames)


class Toy(ToyConnector):
    """Also keeps a history, takes one option, and has a decoder that may break."""

    def configured(self, options: Mapping[str, Any]) -> Toy:
        if set(options) - {"sign"}:
            raise OptionError("sign", options, "known")
        return self

    def decoder(self, route: Route, instruments: Instruments) -> ToyDecoder:
        if route.channels == ("broken",):
            raise RuntimeError("no such channel")
        return Bomb()

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:
        if body == b"bad":
            raise FrameError("no list")
        found = Decoded()
        for at, ms in enumerate(msgspec.json.decode(body, type=list[int])):
            found.liquidations.append(0, RawLiquidation(0, LiquidatedSide.LONG, 5.0 + at, PriceKind(0), 1.0, ms, at))
        return found


def told(kind: Kind, at: int, data: msgspec.Struct | None = None, connection: int = 1, **more: Any) -> Recorded:
    encoded = b"" if data is None else msgspec.json.encode(data)
    return Recorded(b"", at * NS, kind, ROUTE_NAME, connection, encoded)._replace(**more)


def frame(at: int, text: bytes, connection: int = 1, *, joined: bool = False) -> Recorded:
    return Recorded(text, at * NS, Kind.FRAME, ROUTE_NAME, connection, joined=joined)


def begun(**options: Any) -> SourceFeed:
    feed = SourceFeed({"toy": Toy()}, 1)
    contracts = ContractsData("toy", SPECS, versions={"BTC": 3}, options=options)
    feed.take(told(Kind.CONTRACTS, 1, contracts, connection=0, route="toy/"))
    feed.take(told(Kind.OPENED, 1, ROUTE))
    return feed


def prices(entries: list[Entry]) -> list[float]:
    batches = [decode(each.data) for each in entries if each.kind == "batch"]
    return [price for batch in batches for price in batch.liquidations["price"].tolist()]


def test_entries_end_where_they_ended_and_ticks_say_what_they_said() -> None:
    feed = begun()
    assert feed.take(frame(2, b'{"price":1}')) == []
    assert feed.take(frame(2, b'{"price":2}', joined=True)) == []
    tick = msgspec.Raw(b'{"routes":{}}')
    batch, first = feed.take(told(Kind.CUT, 3, CutData(tick=tick)))
    assert (batch.kind, batch.clock, prices([batch])) == ("batch", 3 * NS, [1.0, 2.0])
    assert first == Entry(0, "tick", 3 * NS, b'{"routes":{}}')
    assert decode(batch.data).instruments[0].spec_version == 3
    assert [each.data for each in feed.take(told(Kind.CUT, 4, CutData()))] == [b'{"routes":{}}'], "the newest there was"
    assert [each.kind for each in feed.take(told(Kind.CUT, 4, CutData(tick=tick, wanted=True)))] == ["tick"]
    feed.take(frame(5, b'{"price":3}'))
    assert prices(feed.end()) == [3.0]
    counts = feed.tally()
    assert (counts.frames, counts.events, counts.unread, counts.failed) == (3, 3, 0, 0)


def test_two_connections_of_a_route_have_a_decoder_each_and_count_an_event_once() -> None:
    feed = begun()
    feed.take(told(Kind.OPENED, 2, ROUTE, connection=2))
    feed.take(told(Kind.OPENED, 2, ROUTE, connection=2))
    for connection in (1, 2):
        feed.take(frame(3, b'{"price":7,"canary":1}', connection))
    feed.take(told(Kind.CLOSED, 4))
    feed.take(frame(5, b'{"price":8}', 2))
    assert prices(feed.take(told(Kind.CUT, 6, CutData()))) == [7.0, 8.0]
    assert (feed.tally().duplicates, feed.tally().unread) == (1, 0)
    feed.take(told(Kind.CLOSED, 7, connection=2))
    feed.take(frame(8, b"{}", 2))
    feed.take(told(Kind.CUT, 9, CutData()))
    assert feed.tally().unread == 1


def test_what_rest_brought_after_a_gap_is_brought_again() -> None:
    feed = begun(sign="minus")
    request = RestData(HISTORY, since_ms=5)
    feed.take(told(Kind.REST, 9, request, frame=b"[4,5,6]"))
    batch, _ = feed.take(told(Kind.CUT, 10, CutData()))
    assert prices([batch]) == [6.0, 7.0]
    assert decode(batch.data).liquidations["flags"].tolist() == [int(EventFlag.BACKFILLED)] * 2
    assert decode(batch.data).liquidations["ts_recv"].tolist() == [9 * NS] * 2
    feed.take(told(Kind.REST, 11, request, frame=b"bad"))
    assert feed.tally().bad == 1


def test_a_decoder_that_raises_ends_its_connection_and_no_other() -> None:
    feed = begun()
    feed.take(told(Kind.OPENED, 2, ROUTE, connection=2))
    feed.take(told(Kind.OPENED, 2, msgspec.structs.replace(ROUTE, channels=("broken",)), connection=3))
    feed.take(frame(3, b"bomb"))
    feed.take(frame(4, b'{"price":1}', 2))
    feed.take(frame(5, b'{"price":2}'))
    assert prices(feed.take(told(Kind.CUT, 6, CutData()))) == [1.0]
    assert (feed.tally().failed, feed.tally().unread) == (2, 1)


def test_changed_contracts_are_used_and_what_was_dropped_is_counted() -> None:
    feed = begun()
    changed = msgspec.structs.replace(SPECS[0], multiplier=10.0)
    feed.take(told(Kind.CONTRACTS, 2, ContractsData("toy", (changed,), ("ETHUSDT",)), connection=0, route="toy/"))
    feed.take(frame(3, b'{"price":1}'))
    assert feed.take(told(Kind.CUT, 4, CutData())) == [Entry(0, "tick", 4 * NS, b"")], "BTC is not read any more"
    feed.take(told(Kind.CONTRACTS, 4, ContractsData("toy", (changed,)), connection=0, route="toy/"))
    feed.take(frame(5, b'{"price":30}'))
    feed.take(told(Kind.DROPPED, 5, DroppedData(4)))
    assert prices(feed.take(told(Kind.CUT, 6, CutData()))) == [3.0]
    assert feed.tally().dropped == 4


def test_venues_that_are_not_installed_are_left_out_and_options_of_another_version_refused() -> None:
    feed = SourceFeed({}, 1)
    feed.take(told(Kind.CONTRACTS, 1, ContractsData("toy", SPECS), connection=0, route="toy/"))
    feed.take(told(Kind.OPENED, 1, ROUTE))
    feed.take(told(Kind.REST, 1, RestData(HISTORY, 1)))
    feed.take(frame(2, b"{}"))
    assert feed.end() == []
    assert feed.tally().unread == 1
    with pytest.raises(LabError, match="option of another version"):
        begun(other=1)
    with pytest.raises(LabError, match="a opened record makes no sense"):
        SourceFeed({}, 1).take(told(Kind.OPENED, 1)._replace(data=b"{"))
