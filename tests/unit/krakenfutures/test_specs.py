from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from foreshock_krakenfutures.connector import KrakenFuturesConnector
from foreshock_krakenfutures.specs import by_name, packaged_specs, parse_instruments
from foreshock_sdk import FrameError, Instruments, LiquidatedSide, OptionError, Purpose, RestRequest, Span

FRAMES = Path(__file__).parent / "frames"
CONNECTOR = KrakenFuturesConnector()
NOW = 1_790_000_000_000


def instruments(*names: str) -> Instruments:
    return Instruments("krakenfutures", [by_name(name) for name in names] or packaged_specs().specs)


@pytest.mark.parametrize("name", ["", "XBTUSD", "PF_XBTUSD_261225", "FI_XBTUSD", "PF_USD", "PF_XBTJPY", "PX_XBTUSD"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(FrameError, match="is not the name of a contract"):
        by_name(name)


def test_linear_and_inverse_contracts_of_one_market_have_names_of_their_own() -> None:
    names = [by_name(f"{kind}_XBTUSD").instrument for kind in ("PF", "PI")]
    assert names == ["BTCUSD-PERP.KRAKENFUTURES", "PI_XBTUSD-PERP.KRAKENFUTURES"]
    assert {by_name(f"{kind}_XBTUSD").symbol for kind in ("PF", "PI")} == {"BTCUSDT"}


def test_the_venues_list_is_read() -> None:
    specs = parse_instruments((FRAMES / "instruments.json").read_bytes())
    assert [(each.raw_symbol, each.instrument, each.inverse, each.packaged) for each in specs] == [
        ("PI_XBTUSD", "PI_XBTUSD-PERP.KRAKENFUTURES", True, False),
        ("PF_PEPEUSD", "PEPEUSD-PERP.KRAKENFUTURES", False, False),
        ("PF_AAPLxUSD", "AAPLXUSD-PERP.KRAKENFUTURES", False, False),
        ("FI_XBTUSD_261225", "FI_XBTUSD-261225.KRAKENFUTURES", True, False),
    ]


def test_a_contract_size_counts() -> None:
    row = {"symbol": "PF_XBTUSD", "contractSize": 0.1, "tradeable": True}
    (spec,) = parse_instruments(msgspec.json.encode({"result": "success", "instruments": [row, 7]}))
    assert spec.contract_value == 0.1


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"result":"error","error":"apiLimitExceeded"}'])
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(FrameError, match="instruments"):
        parse_instruments(answer)


class TestRoutes:
    def test_trades_and_context_have_sockets_of_their_own(self) -> None:
        table = instruments("PF_XBTUSD", "PI_XBTUSD", "FF_XBTUSD_261225", "PF_ADAUSD")
        trades, context = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        assert (trades.name, trades.purpose) == ("liquidations-0", Purpose.LIQUIDATIONS)
        assert trades.url == "wss://futures.kraken.com/ws/v1"
        assert trades.channels == (
            "ticker:PF_XBTUSD",
            *("trade:PF_XBTUSD", "trade:PI_XBTUSD", "trade:FF_XBTUSD_261225", "trade:PF_ADAUSD"),
        )
        assert (context.name, context.purpose) == ("context-0", Purpose.CONTEXT)
        assert context.channels == (
            *("ticker:PF_XBTUSD", "ticker:PI_XBTUSD", "ticker:PF_ADAUSD"),
            *("book:PF_XBTUSD", "book:PI_XBTUSD"),
        )
        assert context.canary.channel == "ticker:PF_XBTUSD"

    def test_books_are_of_the_markets_named(self) -> None:
        trades, context = CONNECTOR.routes(instruments("PF_XBTUSD", "PF_ADAUSD"), ("ADAUSDT",), CONNECTOR.endpoints)
        assert trades.channels == ("ticker:PF_XBTUSD", "trade:PF_ADAUSD")
        assert context.channels == ("ticker:PF_XBTUSD", "ticker:PF_ADAUSD", "book:PF_ADAUSD")

    def test_a_market_that_is_not_traded_needs_no_socket(self) -> None:
        assert list(CONNECTOR.routes(instruments("PF_XBTUSD"), ("NOUSDT",), CONNECTOR.endpoints)) == []

    def test_requests_and_sockets_are_of_limited_size(self) -> None:
        table = instruments(*(f"PF_C{number}USD" for number in range(130)))
        routes = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        assert [(each.name, len(each.channels)) for each in routes] == [
            *(("liquidations-0", 101), ("liquidations-1", 31)),
            *(("context-0", 101), ("context-1", 31)),
        ]
        asked = [msgspec.json.decode(frame) for frame in routes[0].subscribe]
        assert [(each["feed"], len(each["product_ids"])) for each in asked] == [
            ("ticker", 1),
            ("trade", 50),
            ("trade", 50),
        ]

    def test_the_size_of_a_socket_is_the_operators(self) -> None:
        small = CONNECTOR.configured({"contracts_per_socket": 1})
        assert len(small.routes(instruments("PF_XBTUSD", "PF_ADAUSD"), (), CONNECTOR.endpoints)) == 5

    @pytest.mark.parametrize("options", [{"contracts_per_socket": 0}, {"history_uid": "order"}, {"colour": 1}])
    def test_wrong_options_are_named(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionError) as refused:
            CONNECTOR.configured(options)
        assert refused.value.option == next(iter(options))


def element(number: int, kind: str = "PartialLiquidation", direction: str = "Sell", **more: Any) -> dict[str, Any]:
    order = {"uid": "t", "tradeable": "PF_XBTUSD", "direction": direction, "orderType": kind}
    execution = {"uid": f"x{number}", "takerOrder": order, "timestamp": NOW + number, "quantity": "0.5", "price": "9.5"}
    holder = {"execution": {**execution, **more}, "takerReducedQuantity": ""}
    return {"uid": f"e{number}", "timestamp": NOW + number, "event": {"Execution": holder}}


def page(*elements: Any) -> bytes:
    return msgspec.json.encode({"elements": elements, "len": len(elements)})


class TestHistory:
    SPAN = Span(NOW, NOW + 1000)

    def requests(self) -> list[RestRequest]:
        table = instruments("PF_XBTUSD", "PI_XBTUSD")
        trades, context = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        assert CONNECTOR.backfill_requests(context, table, self.SPAN, CONNECTOR.endpoints) == []
        return list(CONNECTOR.backfill_requests(trades, table, self.SPAN, CONNECTOR.endpoints))

    def test_each_contract_of_the_route_is_asked_for(self) -> None:
        first, second = self.requests()
        assert (first.name, second.name) == ("PF_XBTUSD", "PI_XBTUSD")
        assert first.url == (
            "https://futures.kraken.com/api/history/v3/market/PF_XBTUSD/executions"
            f"?since={NOW - 1}&before={NOW + 1001}&sort=asc&count=1000"
        )

    def test_a_full_page_is_followed_from_its_last_time_on(self) -> None:
        (first, _) = self.requests()
        full = page(*(element(number) for number in range(1000)))
        following = CONNECTOR.next_page(first, full)
        assert following is not None
        assert following.name == "PF_XBTUSD+"
        assert parse_qs(urlsplit(following.url).query)["since"] == [str(NOW + 998)]
        assert CONNECTOR.next_page(first, page(element(1))) is None, "not full"
        assert CONNECTOR.next_page(following, page(*[element(999)] * 1000)) is None, "nothing new"
        (listing,) = CONNECTOR.spec_requests(CONNECTOR.endpoints)
        assert CONNECTOR.next_page(listing, full) is None

    @pytest.mark.parametrize(
        ("kind", "taken"),
        [
            *(("Liquidation", True), ("PartialLiquidation", True), ("LIQUIDATION", True), ("liquidated", True)),
            *(("Limit", False), ("IoC", False), ("Post", False), ("Assignment", False)),
        ],
    )
    def test_liquidations_are_known_by_the_takers_order(self, kind: str, taken: bool) -> None:
        found = CONNECTOR.parse_backfill(self.requests()[0], page(element(1, kind)), instruments())
        assert (len(found.liquidations), found.faults) == (int(taken), [])

    def test_a_row_is_what_the_socket_told(self) -> None:
        """The same uid makes the same identity; sizes and prices are texts here."""
        request, table = self.requests()[0], instruments()
        found = CONNECTOR.parse_backfill(request, page(element(1), element(2, direction="Buy")), table)
        assert list(found.liquidations.side) == [LiquidatedSide.LONG, LiquidatedSide.SHORT]
        assert (found.liquidations.price, found.liquidations.size) == ([9.5, 9.5], [0.5, 0.5])
        live = CONNECTOR.decoder(CONNECTOR.routes(table, (), CONNECTOR.endpoints)[0], table)
        told = {"feed": "trade", "product_id": "PF_XBTUSD", "uid": "x1", "side": "sell", "type": "liquidation"}
        rows = live.feed([msgspec.json.encode({**told, "time": NOW + 1, "qty": 0.5, "price": 9.5})]).liquidations
        assert rows.identity_a == found.liquidations.identity_a[:1]
        assert rows.identity_b == found.liquidations.identity_b[:1]

    def test_which_uid_counts_is_the_operators(self) -> None:
        """Which of the two the socket tells is not documented."""
        request, table = self.requests()[0], instruments()
        other = CONNECTOR.configured({"history_uid": "element"}).parse_backfill(request, page(element(1)), table)
        ours = CONNECTOR.parse_backfill(request, page(element(1), element(1, uid="e1")), table)
        assert other.liquidations.identity_a[0] == ours.liquidations.identity_a[1] != ours.liquidations.identity_a[0]

    def test_a_bad_row_spoils_no_other(self) -> None:
        body = page(element(1), {"uid": "x"}, 7, element(2, price="0"), element(3))
        found = CONNECTOR.parse_backfill(self.requests()[0], body, instruments())
        assert (len(found.liquidations), [fault.row for fault in found.faults]) == (2, [1, 2, 3])

    def test_the_recorded_answer_has_no_liquidation(self) -> None:
        body = (FRAMES / "public_executions_rest.json").read_bytes()
        found = CONNECTOR.parse_backfill(self.requests()[0], body, instruments())
        assert (len(found.liquidations), found.faults) == (0, [])

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"result":"error"}', b'{"elements":1}'])
    def test_an_answer_that_makes_no_sense_is_refused(self, body: bytes) -> None:
        with pytest.raises(FrameError, match="PF_XBTUSD"):
            CONNECTOR.parse_backfill(self.requests()[0], body, instruments())
