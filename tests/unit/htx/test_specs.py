from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_htx.connector import HtxConnector
from foreshock_htx.specs import by_name, parse_contracts
from foreshock_sdk import FrameError, Instruments, Purpose, RestRequest, Span

ROW: dict[str, Any] = {"symbol": "BTC", "contract_code": "BTC-USDT", "contract_size": 0.001, "contract_status": 1}


def body(*rows: Any, status: str = "ok") -> bytes:
    return msgspec.json.encode({"status": status, "data": list(rows), "ts": 1})


def orders(*query_ids: int) -> bytes:
    return msgspec.json.encode({"code": 200, "msg": "", "data": [{"query_id": each} for each in query_ids]})


@pytest.mark.parametrize(
    ("name", "size", "instrument", "symbol", "inverse", "multiplier"),
    [
        ("BTC-USDT", 0.001, "BTCUSDT-PERP.HTX", "BTCUSDT", False, 1.0),
        ("BTC-USDT-261225", "0.001", "BTCUSDT-261225.HTX", "BTCUSDT", False, 1.0),
        ("BTC-USD", 100, "BTCUSD-PERP.HTX", "BTCUSDT", True, 1.0),
        ("BTC261225", 100.0, "BTCUSD-261225.HTX", "BTCUSDT", True, 1.0),
        ("1000SATS-USDT", 1000, "1000SATSUSDT-PERP.HTX", "SATSUSDT", False, 1000.0),
    ],
)
def test_a_listed_contract(
    name: str, size: Any, instrument: str, symbol: str, inverse: bool, multiplier: float
) -> None:
    (spec,) = parse_contracts(body({**ROW, "contract_code": name, "contract_size": size}))
    assert (spec.instrument, spec.symbol, spec.inverse) == (instrument, symbol, inverse)
    assert (spec.contract_value, spec.multiplier, spec.packaged) == (float(size), multiplier, False)


@pytest.mark.parametrize("row", [{**ROW, "contract_size": 0}, {**ROW, "contract_code": "BTC_USDT_X!"}, {}, None])
def test_a_row_that_makes_no_sense_is_left_out(row: Any) -> None:
    assert [spec.raw_symbol for spec in parse_contracts(body(row, ROW))] == ["BTC-USDT"]


@pytest.mark.parametrize("answer", [b"", b"[]", body(status="error"), b'{"code":404}'])
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(FrameError, match="contract info"):
        parse_contracts(answer)


@pytest.mark.parametrize(
    ("name", "value"), [("BTC-USD", 100.0), ("ETH-USD", 10.0), ("BTC261225", 100.0), ("EOS261225", 10.0)]
)
def test_coin_margined_contracts_are_worth_what_their_name_says(name: str, value: float) -> None:
    assert (by_name(name).contract_value, by_name(name).inverse) == (value, True)


class TestConnector:
    def test_a_family_is_a_socket_and_its_canary_has_time(self) -> None:
        """Nothing comes more often there than the list of contracts, every 60 s."""
        connector = HtxConnector()
        routes = connector.routes(Instruments("htx"), (), connector.endpoints)
        assert [(route.name, route.url, route.canary.deadline) for route in routes] == [
            ("linear-swap", "wss://api.hbdm.com/linear-swap-notification", 150.0),
            ("swap", "wss://api.hbdm.com/swap-notification", 150.0),
            ("futures", "wss://api.hbdm.com/notification", 150.0),
        ]
        assert all(route.heartbeat.frame is None for route in routes), "the venue pings, the decoder answers"

    def test_prices_and_books_are_of_the_majors_unless_markets_are_named(self) -> None:
        connector = HtxConnector()
        instruments = Instruments("htx", connector.packaged_specs().specs)
        routes = connector.routes(instruments, ("ETHUSDT",), connector.endpoints)
        told = {route.name: route.channels for route in routes if route.purpose is Purpose.CONTEXT}
        assert told == {
            "linear-swap-books-0": ("linear-swap-ws:market.BTC-USDT.bbo", "linear-swap-ws:market.ETH-USDT.depth.step0"),
            "swap-books-0": ("swap-ws:market.BTC-USD.bbo", "swap-ws:market.ETH-USD.depth.step0"),
            "prices-0": (
                "ws_index:market.BTC-USDT.mark_price.1min",
                *(
                    f"ws_index:market.ETH-{quote}.{what}.1min"
                    for quote in ("USDT", "USD")
                    for what in ("mark_price", "index")
                ),
            ),
        }

    def test_history_is_asked_for_contract_by_contract_in_windows_of_two_hours(self) -> None:
        connector = HtxConnector()
        instruments = Instruments("htx", [by_name(each) for each in ("BTC-USDT", "BTC-USD", "BTC261225", "BTC270326")])
        routes = connector.routes(instruments, (), connector.endpoints)
        asked = {
            route.name: [request.url.partition("hbdm.com/")[2] for request in requests]
            for route in routes
            if (requests := connector.backfill_requests(route, instruments, Span(0, 7_300_000), connector.endpoints))
        }
        assert {name: len(urls) for name, urls in asked.items()} == {"linear-swap": 2, "swap": 2, "futures": 2}
        assert asked["futures"][1] == (
            "api/v3/contract_liquidation_orders?symbol=BTC&trade_type=0&direct=next&start_time=7200000&end_time=7300000"
        )

    def test_pages_follow_the_newest_order(self) -> None:
        """The venue may give one order a page."""
        connector, asked = HtxConnector(), RestRequest(name="swap-BTC-USD-0", url="https://x/orders?contract=BTC-USD")
        second = connector.next_page(asked, orders(7, 9, 8))
        assert second is not None
        assert (second.name, second.url) == ("swap-BTC-USD-0+", "https://x/orders?contract=BTC-USD&from_id=9")
        third = connector.next_page(second, orders(11))
        assert third is not None
        assert third.url.endswith("BTC-USD&from_id=11")
        assert connector.next_page(third, orders()) is None
        assert connector.next_page(third, orders(11)) is None, "an answer that repeats itself is the last"
        assert connector.next_page(third, b'{"code":200,"data":[null,{"query_id":"x"}]}') is None

    @pytest.mark.parametrize("answer", [b"", b"[]", b'{"code":1067,"msg":"too large","data":null}'])
    def test_a_history_that_makes_no_sense_is_refused(self, answer: bytes) -> None:
        with pytest.raises(FrameError, match="liquidation orders"):
            HtxConnector().parse_backfill(RestRequest(name="x", url="x"), answer, Instruments("htx"))
