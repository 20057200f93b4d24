from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from foreshock_dydx.connector import DydxConnector
from foreshock_dydx.messages import iso
from foreshock_dydx.specs import by_name, packaged_specs, parse_markets
from foreshock_sdk import EventFlag, FrameError, Instruments, OptionError, Purpose, RestRequest, Span

FRAMES = Path(__file__).parent / "frames"
CONNECTOR = DydxConnector()
NOW = 1_790_000_000_000
LONG_NAME = "BUFFICORN,UNISWAP_V3,0X4C1B1302220D7DE5C22B495E78B72F2DD2457D45-USD"


def instruments(*names: str) -> Instruments:
    return Instruments("dydx", [by_name(name) for name in names] or packaged_specs().specs)


@pytest.mark.parametrize("name", ["", "BTC", "BTC-EUR", "-USD", ",X-USD", "BTCUSD"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(FrameError, match="is not the name of a market"):
        by_name(name)


def test_the_venues_list_is_read() -> None:
    """Markets that ended are left out; the coin is what stands before the first comma."""
    specs = parse_markets((FRAMES / "rest_perpetual_markets.json").read_bytes())
    assert [(each.raw_symbol, each.symbol, each.packaged) for each in specs] == [
        ("BTC-USD", "BTCUSDT", False),
        (LONG_NAME, "BUFFICORNUSDT", False),
    ]
    assert specs[1].instrument == f"{LONG_NAME.removesuffix('-USD')}USD-PERP.DYDX"


def test_rows_that_are_no_markets_are_left_out() -> None:
    rows = {"a": 7, "b": {"ticker": "BTC-EUR", "status": "ACTIVE"}, "c": {"ticker": "BTC-USD", "status": "PAUSED"}}
    assert [each.raw_symbol for each in parse_markets(msgspec.json.encode({"markets": rows}))] == ["BTC-USD"]


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"errors":[{"msg":"Too many requests"}]}'])
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(FrameError, match="perpetualMarkets"):
        parse_markets(answer)


class TestRoutes:
    def test_trades_and_context_have_sockets_of_their_own(self) -> None:
        trades, context = CONNECTOR.routes(instruments("BTC-USD", "ADA-USD"), (), CONNECTOR.endpoints)
        assert (trades.name, trades.purpose) == ("liquidations-0", Purpose.LIQUIDATIONS)
        assert trades.url == "wss://indexer.dydx.trade/v4/ws"
        assert trades.channels == ("v4_block_height", "v4_trades:BTC-USD", "v4_trades:ADA-USD")
        assert (context.name, context.purpose) == ("context-0", Purpose.CONTEXT)
        assert context.channels == ("v4_block_height", "v4_markets", "v4_orderbook:BTC-USD")
        assert [msgspec.json.decode(frame) for frame in context.subscribe] == [
            {"type": "subscribe", "channel": "v4_block_height"},
            {"type": "subscribe", "channel": "v4_markets", "batched": True},
            {"type": "subscribe", "channel": "v4_orderbook", "id": "BTC-USD", "batched": True},
        ]

    def test_a_socket_bears_32_markets(self) -> None:
        routes = CONNECTOR.routes(instruments(*(f"C{number}-USD" for number in range(70))), (), CONNECTOR.endpoints)
        assert [(each.name, len(each.channels)) for each in routes] == [
            *(("liquidations-0", 33), ("liquidations-1", 33), ("liquidations-2", 7)),
            ("context-0", 2),
        ]

    def test_books_are_of_the_markets_named(self) -> None:
        names = [f"C{number}" for number in range(40)]
        table = instruments(*(f"{name}-USD" for name in names), "BTC-USD")
        routes = CONNECTOR.routes(table, [f"{name}USDT" for name in names], CONNECTOR.endpoints)
        assert [(each.name, len(each.channels)) for each in routes[2:]] == [("context-0", 34), ("context-1", 9)]
        assert "v4_orderbook:BTC-USD" not in routes[2].channels

    def test_a_market_that_is_not_traded_needs_no_socket(self) -> None:
        assert list(CONNECTOR.routes(instruments("BTC-USD"), ("NOUSDT",), CONNECTOR.endpoints)) == []

    def test_size_and_patience_are_the_operators(self) -> None:
        other = CONNECTOR.configured({"markets_per_socket": 1, "canary_deadline": 20})
        routes = other.routes(instruments("BTC-USD", "ADA-USD"), (), other.endpoints)
        assert (len(routes), routes[0].canary.deadline) == (3, 20.0)

    @pytest.mark.parametrize("options", [{"markets_per_socket": 0}, {"canary_deadline": 0}, {"colour": 1}])
    def test_wrong_options_are_named(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionError) as refused:
            CONNECTOR.configured(options)
        assert refused.value.option == next(iter(options))


def trade(number: int, **more: Any) -> dict[str, Any]:
    row = {"id": f"x{number}", "side": "SELL", "size": "3.9", "price": "22.87", "type": "LIQUIDATED"}
    return {**row, "createdAt": iso(NOW + number), **more}


def page(*trades: Any) -> bytes:
    return msgspec.json.encode({"trades": trades})


class TestHistory:
    def requests(self, *names: str) -> list[RestRequest]:
        table, span = instruments(*names), Span(NOW, NOW + 5000)
        trades, context = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        assert list(CONNECTOR.backfill_requests(context, table, span, CONNECTOR.endpoints)) == []
        return list(CONNECTOR.backfill_requests(trades, table, span, CONNECTOR.endpoints))

    def test_each_market_of_the_route_is_asked_for(self) -> None:
        first, second = self.requests("BTC-USD", LONG_NAME)
        assert first.url == (
            "https://indexer.dydx.trade/v4/trades/perpetualMarket/BTC-USD"
            f"?limit=1000&createdBeforeOrAt={iso(NOW + 5000)}"
        )
        assert "BUFFICORN%2CUNISWAP_V3" in second.url

    def test_full_pages_are_followed_backwards_to_the_beginning(self) -> None:
        (first,) = self.requests("BTC-USD")
        full = page(*(trade(4000 - number) for number in range(1000)))
        following = CONNECTOR.next_page(first, full)
        assert following is not None
        assert following.name == first.name + "+"
        assert parse_qs(urlsplit(following.url).query)["createdBeforeOrAt"] == [iso(NOW + 3001)]
        assert CONNECTOR.next_page(first, page(trade(1))) is None, "not full"
        assert CONNECTOR.next_page(following, page(*[trade(3001)] * 1000)) is None, "nothing new"
        assert CONNECTOR.next_page(following, page(*[trade(-1)] * 1000)) is None, "before the gap"
        (listing,) = CONNECTOR.spec_requests(CONNECTOR.endpoints)
        assert CONNECTOR.next_page(listing, b"{}") is None

    def test_a_row_is_what_the_socket_told(self) -> None:
        """Other trades are passed over, a bad one spoils no other; a long name is read from the address."""
        table = instruments(LONG_NAME)
        (request,) = self.requests(LONG_NAME)
        found = CONNECTOR.parse_backfill(request, page(trade(1), trade(2, type="LIMIT"), 7, trade(3, id="")), table)
        assert (found.liquidations.instrument, list(found.liquidations.flags)) == ([0], [EventFlag.BACKFILLED])
        assert [fault.row for fault in found.faults] == [2, 3]
        told = {"type": "channel_data", "channel": "v4_trades", "id": LONG_NAME, "contents": {"trades": [trade(1)]}}
        route = CONNECTOR.routes(table, (), CONNECTOR.endpoints)[0]
        live = CONNECTOR.decoder(route, table).feed([msgspec.json.encode(told)]).liquidations
        assert (live.identity_a, live.identity_b) == (found.liquidations.identity_a, found.liquidations.identity_b)
        assert (live.ts_event_ms, live.size) == (found.liquidations.ts_event_ms, found.liquidations.size)

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"errors":[]}', b'{"trades":1}'])
    def test_an_answer_that_makes_no_sense_is_refused(self, body: bytes) -> None:
        with pytest.raises(FrameError, match="trades"):
            CONNECTOR.parse_backfill(self.requests("BTC-USD")[0], body, instruments())
