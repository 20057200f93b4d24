from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from foreshock_binance.connector import BinanceConnector
from foreshock_binance.specs import by_name, parse_exchange_info
from foreshock_sdk import Endpoints, FrameError, Instruments, Purpose, RestRequest, Route, Span

USD_MARGINED = b"""{"symbols":[
 {"symbol":"1000PEPEUSDT","baseAsset":"1000PEPE","quoteAsset":"USDT","contractType":"PERPETUAL"},
 {"symbol":"BTCUSDT_251226","baseAsset":"BTC","quoteAsset":"USDT","contractType":"CURRENT_QUARTER"}]}"""
COIN_MARGINED = b"""{"symbols":[
 {"symbol":"BTCUSD_PERP","baseAsset":"BTC","quoteAsset":"USD","contractSize":100},
 {"symbol":"ETHUSD_261225","baseAsset":"ETH","quoteAsset":"USD","contractSize":"10"}]}"""


@pytest.mark.parametrize(
    ("raw", "instrument", "symbol", "multiplier"),
    [
        ("BTCUSDT", "BTCUSDT-PERP.BINANCE", "BTCUSDT", 1.0),
        ("BTCUSDC", "BTCUSDC-PERP.BINANCE", "BTCUSDT", 1.0),
        ("ETHBTC", "ETHBTC-PERP.BINANCE", "ETHBTC", 1.0),
        ("BTCUSDT_251226", "BTCUSDT-251226.BINANCE", "BTCUSDT", 1.0),
        ("1000PEPEUSDT", "1000PEPEUSDT-PERP.BINANCE", "PEPEUSDT", 1000.0),
        ("1MBABYDOGEUSDT", "1MBABYDOGEUSDT-PERP.BINANCE", "BABYDOGEUSDT", 1_000_000.0),
        ("1INCHUSDT", "1INCHUSDT-PERP.BINANCE", "1INCHUSDT", 1.0),
        ("4USDT", "4USDT-PERP.BINANCE", "4USDT", 1.0),
        ("币安人生USDT", "币安人生USDT-PERP.BINANCE", "币安人生USDT", 1.0),
    ],
)
def test_a_usd_margined_name_says_all(raw: str, instrument: str, symbol: str, multiplier: float) -> None:
    spec = by_name(raw)
    assert (spec.instrument, spec.symbol, spec.multiplier) == (instrument, symbol, multiplier)
    assert (spec.inverse, spec.contract_value, spec.packaged) == (False, 1.0, True)


@pytest.mark.parametrize(
    ("raw", "instrument", "value"),
    [
        ("BTCUSD_PERP", "BTCUSD-PERP.BINANCE", 100.0),
        ("BTCUSD_200925", "BTCUSD-200925.BINANCE", 100.0),
        ("ETHUSD_PERP", "ETHUSD-PERP.BINANCE", 10.0),
    ],
)
def test_a_coin_margined_name_is_told_by_its_shape(raw: str, instrument: str, value: float) -> None:
    spec = by_name(raw)
    assert (spec.instrument, spec.inverse, spec.contract_value) == (instrument, True, value)
    assert spec.symbol in {"BTCUSDT", "ETHUSDT"}


@pytest.mark.parametrize("raw", ["", "USDT", "BTC", "BTCEUR", "BTCUSDT_PERP", "BTC_USDT", "BTCUSDT_2512"])
def test_a_name_without_a_rule_is_refused(raw: str) -> None:
    with pytest.raises(FrameError):
        by_name(raw)


def test_exchange_info_is_read() -> None:
    connector = BinanceConnector()
    specs = connector.parse_specs({"usd-margined": USD_MARGINED, "coin-margined": COIN_MARGINED})
    assert [spec.instrument for spec in specs] == [
        *("1000PEPEUSDT-PERP.BINANCE", "BTCUSDT-251226.BINANCE", "BTCUSD-PERP.BINANCE", "ETHUSD-261225.BINANCE")
    ]
    assert [spec.contract_value for spec in specs] == [1.0, 1.0, 100.0, 10.0]
    assert not any(spec.packaged for spec in specs)


def test_coin_margined_contracts_fall_back_alone() -> None:
    specs = BinanceConnector().parse_specs({"usd-margined": USD_MARGINED})
    assert {spec.inverse for spec in specs if spec.packaged} == {True}
    assert len([spec for spec in specs if not spec.packaged]) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"code":-1003,"msg":"Too many requests"}', b"\xff"])
def test_an_answer_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        parse_exchange_info(body)


def test_the_main_list_may_not_be_missing() -> None:
    with pytest.raises(FrameError, match="USD-M"):
        BinanceConnector().parse_specs({"coin-margined": COIN_MARGINED})


def test_production_asks_both_hosts_and_a_stand_in_is_asked_for_both() -> None:
    connector = BinanceConnector()
    urls = [request.url for request in connector.spec_requests(connector.endpoints)]
    assert urls == [
        "https://fapi.binance.com/fapi/v1/exchangeInfo",
        "https://dapi.binance.com/dapi/v1/exchangeInfo",
    ]
    stand_in = connector.spec_requests(Endpoints("ws://h", "http://h"))
    assert [request.url for request in stand_in] == [
        "http://h/fapi/v1/exchangeInfo",
        "http://h/dapi/v1/exchangeInfo",
    ]
    assert connector.next_page(RestRequest(name="usd-margined", url="x"), b"{}") is None


class TestRoutes:
    def routes(self, *names: str, symbols: tuple[str, ...] = ()) -> list[Route]:
        connector = BinanceConnector()
        instruments = Instruments("binance", [by_name(name) for name in names])
        return list(connector.routes(instruments, symbols, connector.endpoints))

    def test_liquidations_are_on_the_market_path(self) -> None:
        """Trap 1: the old paths acknowledge and stay silent since 2026-04-23."""
        route = self.routes()[0]
        assert route.url == "wss://fstream.binance.com/market/stream"
        assert route.subscribe == ('{"method":"SUBSCRIBE","params":["!forceOrder@arr","btcusdt@markPrice@1s"],"id":1}',)
        assert route.purpose is Purpose.LIQUIDATIONS

    def test_the_merged_stream_is_subscribed_once_on_one_host(self) -> None:
        """Trap 2: dstream has the same rows since 2026-06-30; subscribed too, every order would come twice."""
        routes = self.routes("BTCUSDT", "BTCUSD_PERP")
        assert {urlsplit(route.url).hostname for route in routes} == {"fstream.binance.com"}
        assert sum("!forceOrder@arr" in route.channels for route in routes) == 1

    def test_context_has_sockets_of_its_own(self) -> None:
        """Best prices and books are on the public path, for the few, of USD-M perpetuals."""
        _, context, books = self.routes("BTCUSDT", "BTCUSDC", "ADAUSDT", "BTCUSD_PERP", "ETHUSDT_261225")
        assert (context.url, context.channels) == ("wss://fstream.binance.com/market/stream", ("!markPrice@arr@1s",))
        assert books.url == "wss://fstream.binance.com/public/stream"
        assert books.channels == ("btcusdt@depth20@500ms", "!bookTicker", "btcusdc@depth20@500ms")
        assert {context.purpose, books.purpose} == {Purpose.CONTEXT}

    def test_open_interest_is_asked_from_rest_beside_the_marks(self) -> None:
        """There is no stream of it; COIN-M's is on another host and counts contracts."""
        _, context, _ = self.routes("BTCUSDT", "ADAUSDT", "BTCUSD_PERP")
        (poll,) = context.polls
        assert poll.request.url == "https://fapi.binance.com/fapi/v1/openInterest?symbol=BTCUSDT"
        assert poll.every == 15.0

    def test_books_of_the_markets_named_are_read_over_as_many_sockets_as_they_need(self) -> None:
        names = tuple(f"C{number}USDT" for number in range(400))
        books = self.routes(*names, symbols=names)[2:]
        assert [(route.name, len(route.channels)) for route in books] == [
            *(("books-0", 191), ("books-1", 191), ("books-2", 22)),
        ]
        assert {route.channels[0] for route in books} == {"btcusdt@depth20@500ms"}


def test_the_venue_keeps_no_history() -> None:
    """Trap 11: a gap stays a gap, and is recorded as one."""
    connector, instruments = BinanceConnector(), Instruments("binance")
    for route in connector.routes(instruments, (), connector.endpoints):
        assert not connector.backfill_requests(route, instruments, Span(1, 2), connector.endpoints)
