from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from foreshock_bybit.connector import BybitConnector
from foreshock_bybit.specs import by_name, parse_page
from foreshock_sdk import Endpoints, FrameError, Instruments, OptionError, Purpose, Span

FRAMES = Path(__file__).parent / "frames"


@pytest.mark.parametrize(
    ("raw", "instrument", "symbol", "multiplier"),
    [
        ("BTCUSDT", "BTCUSDT-PERP.BYBIT", "BTCUSDT", 1.0),
        ("BTCPERP", "BTCUSDC-PERP.BYBIT", "BTCUSDT", 1.0),
        ("BTCUSDT-21FEB25", "BTCUSDT-250221.BYBIT", "BTCUSDT", 1.0),
        ("BTC-24MAR23", "BTCUSDC-230324.BYBIT", "BTCUSDT", 1.0),
        ("ETH-3JAN25", "ETHUSDC-250103.BYBIT", "ETHUSDT", 1.0),
        ("1000PEPEUSDT", "1000PEPEUSDT-PERP.BYBIT", "PEPEUSDT", 1000.0),
        ("1000PEPEPERP", "1000PEPEUSDC-PERP.BYBIT", "PEPEUSDT", 1000.0),
        ("SHIB1000USDT", "SHIB1000USDT-PERP.BYBIT", "SHIBUSDT", 1000.0),
        ("SHIB1000PERP", "SHIB1000USDC-PERP.BYBIT", "SHIBUSDT", 1000.0),
        ("10000SATSUSDT", "10000SATSUSDT-PERP.BYBIT", "SATSUSDT", 10_000.0),
        ("1000000MOGUSDT", "1000000MOGUSDT-PERP.BYBIT", "MOGUSDT", 1_000_000.0),
        ("10000000AIDOGEUSDT", "10000000AIDOGEUSDT-PERP.BYBIT", "AIDOGEUSDT", 10_000_000.0),
    ],
)
def test_a_linear_name_says_all(raw: str, instrument: str, symbol: str, multiplier: float) -> None:
    spec = by_name(raw)
    assert (spec.instrument, spec.symbol, spec.multiplier) == (instrument, symbol, multiplier)
    assert (spec.inverse, spec.contract_value, spec.packaged) == (False, 1.0, True)


@pytest.mark.parametrize(
    ("raw", "instrument"),
    [
        ("BTCUSD", "BTCUSD-PERP.BYBIT"),
        ("BTCUSDH23", "BTCUSD-230331.BYBIT"),
        ("BTCUSDM23", "BTCUSD-230630.BYBIT"),
        ("BTCUSDU23", "BTCUSD-230929.BYBIT"),
        ("BTCUSDZ23", "BTCUSD-231229.BYBIT"),
        ("ETHUSDZ26", "ETHUSD-261225.BYBIT"),
    ],
)
def test_an_inverse_name_says_all(raw: str, instrument: str) -> None:
    """Quarters end on the last Friday of March, June, September and December."""
    spec = by_name(raw)
    assert (spec.instrument, spec.inverse, spec.contract_value) == (instrument, True, 1.0)


@pytest.mark.parametrize("raw", ["", "USDT", "USD", "PERP", "BTC", "BTC-24XXX23", "BTC-MAR23", "BTCEUR"])
def test_a_name_without_a_rule_is_refused(raw: str) -> None:
    with pytest.raises(FrameError):
        by_name(raw)


@pytest.mark.parametrize(
    ("name", "instruments"),
    [
        ("instruments_linear", ["BTCUSDT-PERP.BYBIT", "ETHUSDT-PERP.BYBIT"]),
        ("instruments_inverse", ["BTCUSD-PERP.BYBIT"]),
    ],
)
def test_pages_are_read(name: str, instruments: list[str]) -> None:
    specs = parse_page((FRAMES / f"{name}.json").read_bytes())
    assert [spec.instrument for spec in specs] == instruments
    assert not any(spec.packaged for spec in specs)
    assert {spec.inverse for spec in specs} == {name.endswith("inverse")}


def test_a_dated_contract_takes_its_day_from_its_delivery() -> None:
    row = {
        "symbol": "BTCUSDT-21FEB25",
        "contractType": "LinearFutures",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "deliveryTime": "1740124800000",
    }
    (spec,) = parse_page(msgspec.json.encode({"retCode": 0, "result": {"list": [row]}}))
    assert spec == msgspec.structs.replace(by_name("BTCUSDT-21FEB25"), packaged=False)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"retCode":10001,"retMsg":"params error"}', b'{"retCode":0}'])
def test_an_answer_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        parse_page(body)


def test_pages_follow_the_cursor() -> None:
    connector = BybitConnector()
    linear, _ = connector.spec_requests(connector.endpoints)
    page = msgspec.json.encode({"retCode": 0, "result": {"list": [], "nextPageCursor": "first%3DA&x"}})
    second = connector.next_page(linear, page)
    assert second is not None
    assert second.name == "linear+"
    assert second.url == f"{linear.url}&cursor=first%253DA%26x"
    third = connector.next_page(second, page)
    assert third is not None
    assert (third.name, third.url) == ("linear++", second.url)
    assert connector.next_page(third, b'{"retCode":0,"result":{"list":[],"nextPageCursor":null}}') is None


class TestRoutes:
    def routes(self, names: list[str], symbols: tuple[str, ...] = ()) -> list[tuple[str, int, str]]:
        instruments = Instruments("bybit", [by_name(name) for name in names])
        routes = BybitConnector().routes(instruments, symbols, Endpoints("ws://h", "http://h"))
        return [(route.name, len(route.channels), route.canary.channel) for route in routes]

    def test_a_category_has_its_own_socket_and_canary(self) -> None:
        assert self.routes(["BTCUSDT", "BTCPERP", "BTCUSD"]) == [
            ("linear-0", 3, "tickers.BTCUSDT"),
            ("inverse-0", 2, "tickers.BTCUSD"),
            ("linear-context-0", 4, "tickers.BTCUSDT"),
            ("inverse-context-0", 2, "tickers.BTCUSD"),
        ]

    def test_only_what_is_tracked_is_subscribed(self) -> None:
        assert self.routes(["BTCUSDT", "ETHUSDT", "ETHPERP", "BTCUSD"], ("ETHUSDT",)) == [
            ("linear-0", 3, "tickers.BTCUSDT"),
            ("linear-context-0", 5, "tickers.BTCUSDT"),
        ]

    def test_context_has_sockets_of_its_own_with_the_canary_on_each(self) -> None:
        names = ["BTCUSDT", "1000PEPEUSDT", "BTCUSDT-25DEC26"]
        instruments = Instruments("bybit", [by_name(name) for name in names])
        connector = BybitConnector().configured({"book_levels": 1000})
        liquidations, context = connector.routes(instruments, (), connector.endpoints)
        assert (liquidations.purpose, context.purpose) == (Purpose.LIQUIDATIONS, Purpose.CONTEXT)
        assert context.channels == (
            *("tickers.BTCUSDT", "tickers.1000PEPEUSDT", "tickers.BTCUSDT-25DEC26"),
            "orderbook.1000.BTCUSDT",
        )

    def test_a_depth_that_the_venue_has_not_is_refused(self) -> None:
        with pytest.raises(OptionError, match="book_levels"):
            BybitConnector().configured({"book_levels": 30})

    def test_topics_are_spread_over_sockets_of_at_most_21000_characters(self) -> None:
        names = [f"COIN{number}USDT" for number in range(2000)]
        instruments = Instruments("bybit", [by_name(name) for name in names])
        routes = BybitConnector().routes(instruments, (), Endpoints("ws://h", "http://h"))
        assert [route.name for route in routes] == [
            *("linear-0", "linear-1", "linear-2"),
            *("linear-context-0", "linear-context-1", "linear-context-2"),
        ]
        for route in routes:
            assert len(msgspec.json.encode(route.channels)) <= 21_000
            assert route.channels[0] == route.canary.channel
        topics = [channel for route in routes for channel in route.channels[1:]]
        assert topics == [f"{word}.{name}" for word in ("allLiquidation", "tickers") for name in names]

    def test_requests_hold_ten_topics(self) -> None:
        instruments = Instruments("bybit", [by_name(f"COIN{number}USDT") for number in range(25)])
        route = BybitConnector().routes(instruments, (), Endpoints("ws://h", "http://h"))[0]
        args = [msgspec.json.decode(frame)["args"] for frame in route.subscribe]
        assert [len(each) for each in args] == [10, 10, 6]
        assert tuple(topic for each in args for topic in each) == route.channels

    def test_a_new_listing_gets_its_topics_as_soon_as_it_is_listed(self) -> None:
        """Trap 5: there is no topic for the whole market."""
        connector, instruments = BybitConnector(), Instruments("bybit", [by_name("BTCUSDT")])
        before = {each for route in connector.routes(instruments, (), connector.endpoints) for each in route.channels}
        instruments.put(by_name("NEWUSDT"))
        after = {each for route in connector.routes(instruments, (), connector.endpoints) for each in route.channels}
        assert after - before == {"allLiquidation.NEWUSDT", "tickers.NEWUSDT"}

    def test_the_venue_keeps_no_history(self) -> None:
        """Trap 11: a gap stays a gap, and is recorded as one."""
        connector, instruments = BybitConnector(), Instruments("bybit", [by_name("BTCUSDT")])
        for route in connector.routes(instruments, (), connector.endpoints):
            assert not connector.backfill_requests(route, instruments, Span(1, 2), connector.endpoints)
