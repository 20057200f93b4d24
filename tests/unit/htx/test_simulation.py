from __future__ import annotations

import gzip
from typing import Any

import msgspec
import pytest

from foreshock_htx.decoder import HtxDecoder
from foreshock_htx.plugin import foreshock_connectors, foreshock_samples, foreshock_simulations
from foreshock_htx.simulation import HtxVenue
from foreshock_sdk import ContextField, Instruments, LiquidatedSide, SimContext, SimLiquidation, SimSession

NOW = 1_790_000_000_000
CONTRACTS = "public.*.contract_info"
NOTIFICATION = "/linear-swap-notification"


def unpacked(frame: str | bytes) -> dict[str, Any]:
    assert isinstance(frame, bytes), "every frame is gzip"
    told = msgspec.json.decode(gzip.decompress(frame))
    assert isinstance(told, dict)
    return told


def opened(path: str = NOTIFICATION, venue: HtxVenue | None = None) -> SimSession:
    session = (venue or HtxVenue()).session(path)
    assert session is not None
    return session


def ask(session: SimSession, **request: Any) -> dict[str, Any]:
    (answer,) = session.receive(msgspec.json.encode(request), NOW)
    return unpacked(answer)


def test_the_plugin_brings_its_connector_and_its_venue() -> None:
    assert [each.venue for each in foreshock_connectors()] == ["htx"]
    assert [each.venue for each in foreshock_simulations()] == ["htx"]
    assert list(foreshock_samples()) == ["htx"]


class TestPings:
    def test_who_answers_them_stays(self) -> None:
        venue = HtxVenue()
        session, decoder = opened(venue=venue), HtxDecoder("", Instruments("htx"))
        for now in range(NOW, NOW + 120_000, 1000):
            for push in venue.due(now):
                for reply in decoder.feed([push.frame]).replies:
                    assert session.receive(reply, now) == ()
            assert not session.overdue(now)

    def test_who_leaves_five_of_them_is_cut(self) -> None:
        venue = HtxVenue()
        session = opened(venue=venue)
        cut = [now for now in range(NOW, NOW + 60_000, 1000) if (venue.due(now), session.overdue(now))[1]]
        assert cut[0] == NOW + 20_000

    def test_a_client_that_comes_later_is_not_charged_for_old_ones(self) -> None:
        venue = HtxVenue()
        for now in range(NOW, NOW + 60_000, 1000):
            venue.due(now)
        assert not opened(venue=venue).overdue(NOW + 60_000)


class TestTopics:
    def test_subscribe_twice_and_unsubscribe(self) -> None:
        session = opened()
        assert ask(session, op="sub", cid="1", topic=CONTRACTS)["err-code"] == 0
        assert ask(session, op="sub", cid="1", topic=CONTRACTS)["err-code"] == 2014
        assert ask(session, op="unsub", cid="1", topic=CONTRACTS)["err-code"] == 0
        assert not session.subscribed(f"linear-swap-notification:{CONTRACTS}")

    @pytest.mark.parametrize("request_", [{"op": "sub", "topic": "public.*.secrets"}, {"op": "dance"}, {"op": []}])
    def test_what_is_not_there_is_an_error(self, request_: dict[str, Any]) -> None:
        assert ask(opened(), **request_)["err-code"] == 2011

    def test_other_text_is_an_error_and_other_paths_are_refused(self) -> None:
        (answer,) = opened().receive("{", NOW)
        assert unpacked(answer)["op"] == "error"
        assert HtxVenue().session("/ws") is None

    def test_the_list_of_contracts_comes_at_once_and_then_every_minute(self) -> None:
        venue = HtxVenue()
        session = opened(venue=venue)
        ask(session, op="sub", topic=CONTRACTS)
        (first,) = session.greeting(NOW)
        assert unpacked(first.frame)["event"] == "init"
        told = [
            now
            for now in range(NOW, NOW + 130_000, 1000)
            for push in venue.context([], now)
            if session.subscribed(push.channel)
        ]
        assert told == [NOW, NOW + 60_000, NOW + 120_000]


class TestMarkets:
    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened("/linear-swap-ws")
        assert ask(session, sub="market.BTC-USDT.bbo", id="1")["status"] == "ok"
        assert session.subscribed("linear-swap-ws:market.BTC-USDT.bbo")
        assert ask(session, unsub="market.BTC-USDT.bbo", id="1")["unsubbed"] == "market.BTC-USDT.bbo"
        assert not session.subscribed("linear-swap-ws:market.BTC-USDT.bbo")
        assert not session.receive('{"pong":1}', NOW)

    @pytest.mark.parametrize("topic", ["market.NOPE-USDT.bbo", "market", 1])
    def test_what_is_not_there_is_an_error(self, topic: Any) -> None:
        assert ask(opened("/swap-ws"), sub=topic)["status"] == "error"

    def test_dated_contracts_have_no_market_here(self) -> None:
        rows = [SimContext(each, ContextField.MARK, 1.0, NOW) for each in ("BTC261225", "BTC-USDT-261225")]
        venue = HtxVenue()
        venue.context([], NOW)
        assert not venue.context(rows, NOW + 1)

    def test_funding_alone_brings_no_book(self) -> None:
        venue = HtxVenue()
        venue.context([], NOW)
        (push,) = venue.context([SimContext("BTC-USD", ContextField.FUNDING, 0.1, NOW)], NOW + 1)
        assert push.channel == "swap-notification:public.*.funding_rate"


class TestRest:
    def test_history_comes_in_pages_of_twenty(self) -> None:
        venue = HtxVenue()
        venue.offer(
            [SimLiquidation(each, "BTC-USDT", LiquidatedSide.LONG, 100.0, 1.0, NOW + each) for each in range(45)]
        )
        venue.due(NOW + 100)
        path, query = "/linear-swap-api/v3/swap_liquidation_orders", "contract=BTC-USDT&start_time=0&end_time=1"
        sizes = []
        for since in (0, 20, 40):
            reply = venue.rest(path, f"contract=BTC-USDT&start_time={NOW}&end_time={NOW + 100}&from_id={since}")
            assert reply is not None
            sizes.append(len(msgspec.json.decode(reply.body)["data"]))
        assert sizes == [20, 20, 5]
        empty = venue.rest(path, query)
        assert empty is not None
        assert msgspec.json.decode(empty.body)["data"] == []

    def test_a_window_longer_than_two_hours_is_refused(self) -> None:
        reply = HtxVenue().rest("/api/v3/contract_liquidation_orders", "symbol=BTC&start_time=0&end_time=7200001")
        assert reply is not None
        assert msgspec.json.decode(reply.body)["code"] == 1067

    def test_other_paths_are_unknown(self) -> None:
        assert HtxVenue().rest("/api/v1/timestamp", "") is None
