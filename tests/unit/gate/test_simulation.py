from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_gate.decoder import GateDecoder
from foreshock_gate.plugin import foreshock_connectors, foreshock_simulations
from foreshock_gate.simulation import GateVenue
from foreshock_sdk import ContextField, Instruments, LiquidatedSide, SimContext, SimLiquidation, SimSession

NOW = 1_790_000_000_000


def row(number: int, *, contract: str = "BTC_USDT", size: float = 8.5) -> SimLiquidation:
    return SimLiquidation(number, contract, LiquidatedSide.SHORT, 100.0, size, NOW)


def opened(venue: GateVenue | None = None, settle: str = "usdt") -> SimSession:
    session = (venue or GateVenue()).session(f"/v4/ws/{settle}")
    assert session is not None
    return session


def ask(session: SimSession, channel: str, payload: Any = None, event: str = "subscribe") -> dict[str, Any]:
    request = {"time": 1, "channel": channel, "event": event, "payload": payload}
    (answer,) = session.receive(msgspec.json.encode(request), NOW)
    told = msgspec.json.decode(answer)
    assert isinstance(told, dict)
    return told


def test_the_plugin_brings_its_connector_and_its_venue() -> None:
    assert [each.venue for each in foreshock_connectors()] == ["gate"]
    assert [each.venue for each in foreshock_simulations()] == ["gate"]


def test_rows_come_in_batches_of_a_second_or_of_twenty() -> None:
    venue = GateVenue()
    venue.due(NOW)
    venue.offer([row(number) for number in range(3)])
    assert not venue.due(NOW + 500)
    assert [len(push.rows) for push in venue.due(NOW + 1000)] == [3]
    venue.offer([row(number) for number in range(25)])
    assert [len(push.rows) for push in venue.due(NOW + 1500)] == [20, 5]


def test_sizes_are_whole_numbers_or_text_with_a_fraction() -> None:
    venue = GateVenue()
    venue.offer([row(1, size=8.0), row(2)])
    (push,) = venue.due(NOW)
    assert [each["size"] for each in msgspec.json.decode(push.frame)["result"]] == [-8, "-8.5"]


class TestRequests:
    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened()
        assert ask(session, "futures.public_liquidates", ["!all"])["result"] == {"status": "success"}
        assert session.subscribed("futures.public_liquidates:usdt")
        ask(session, "futures.public_liquidates", ["!all"], "unsubscribe")
        assert not session.subscribed("futures.public_liquidates:usdt")

    @pytest.mark.parametrize(
        ("channel", "payload", "code"),
        [
            ("futures.tickers", ["NOPE_USDT"], 2),
            ("futures.tickers", ["BTC_USD"], 2),
            ("futures.trades", ["BTC_USDT"], 2),
            ("futures.tickers", "BTC_USDT", 1),
        ],
    )
    def test_what_is_not_there_is_an_error(self, channel: str, payload: Any, code: int) -> None:
        """A contract of another settlement coin is not there either."""
        assert ask(opened(), channel, payload)["error"]["code"] == code

    def test_other_paths_and_other_text_are_refused(self) -> None:
        assert GateVenue().session("/v4/ws/eth") is None
        assert not opened().receive("{", NOW)


class TestBooks:
    def test_a_new_client_gets_the_whole_and_then_what_follows(self) -> None:
        venue = GateVenue()
        prices = [SimContext("BTC_USDT", ContextField.MARK, 100.0 + number, NOW) for number in range(3)]
        venue.context(prices[:1], NOW)
        session = opened(venue)
        ask(session, "futures.obu", ["ob.BTC_USDT.400"])
        frames = [push.frame for push in session.greeting(NOW)]
        for number, price in enumerate(prices[1:], 1):
            pushes = venue.context([price], NOW + 200 * number)
            frames += [push.frame for push in pushes if session.subscribed(push.channel)]
        decoder = GateDecoder("futures.tickers:BTC_USDT", Instruments("gate", venue.listing()), "position")
        found = [decoder.feed([frame]) for frame in frames]
        assert [each.books.asks[0][0][0] for each in found] == pytest.approx([100.01, 101.0101, 102.0102])
        assert not any(each.replies or each.faults for each in found)

    def test_without_a_price_there_is_no_book(self) -> None:
        venue = GateVenue()
        (ticker,) = venue.context([SimContext("BTC_USDT", ContextField.FUNDING, 0.1, NOW)], NOW)
        assert ticker.channel == "futures.tickers:BTC_USDT"
        session = opened(venue)
        ask(session, "futures.obu", ["ob.BTC_USDT.400"])
        assert not session.greeting(NOW)


class TestRest:
    def test_a_window_longer_than_an_hour_is_refused(self) -> None:
        reply = GateVenue().rest("/api/v4/futures/usdt/liq_orders", "from=0&to=3601")
        assert reply is not None
        assert reply.status == 400

    @pytest.mark.parametrize("path", ["/api/v4/futures/eth/contracts", "/api/v4/futures/usdt/trades", "/"])
    def test_other_paths_are_unknown(self, path: str) -> None:
        assert GateVenue().rest(path, "") is None
