from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from foreshock_okx.connector import OkxConnector
from foreshock_okx.specs import by_name, packaged_specs, parse_instruments
from foreshock_sdk import FrameError, Instruments, InstrumentSpec, Purpose, RestRequest, Route, Span

FRAMES = Path(__file__).parent / "frames"
ROW = {
    "instId": "BTC-USDT-261225",
    "instType": "FUTURES",
    "instFamily": "BTC-USDT",
    "ctType": "linear",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "expTime": "1798185600000",
}


def body(*rows: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"code": "0", "data": rows, "msg": ""})


@pytest.mark.parametrize(
    ("raw", "instrument", "value", "inverse"),
    [
        ("BTC-USDT-SWAP", "BTCUSDT-PERP.OKX", 0.01, False),
        ("ETH-USDT-SWAP", "ETHUSDT-PERP.OKX", 0.1, False),
        ("BTC-USDC-SWAP", "BTCUSDC-PERP.OKX", 0.0001, False),
        ("BTC-USD-SWAP", "BTCUSD-PERP.OKX", 100.0, True),
        ("BTC-USD-261225", "BTCUSD-261225.OKX", 100.0, True),
        ("XRP-USD-230929", "XRPUSD-230929.OKX", 10.0, True),
        ("PEPE-USDT-SWAP", "PEPEUSDT-PERP.OKX", 10_000_000.0, False),
    ],
)
def test_the_packaged_table_goes_by_family(raw: str, instrument: str, value: float, inverse: bool) -> None:
    spec = by_name(raw)
    assert (spec.instrument, spec.contract_value, spec.inverse) == (instrument, value, inverse)
    assert (spec.packaged, spec.multiplier) == (True, 1.0)


def test_the_packaged_table_holds_perpetuals_each_once() -> None:
    names = [spec.raw_symbol for spec in packaged_specs().specs]
    assert len(names) == len(set(names))
    assert all(name.endswith("-SWAP") for name in names)


def test_the_venues_list_is_read() -> None:
    specs = parse_instruments((FRAMES / "http_get_instruments_swap.json").read_bytes())
    assert [(each.instrument, each.contract_value, each.inverse, each.packaged) for each in specs] == [
        ("BTCUSD-PERP.OKX", 100.0, True, False),
        ("ETHUSDT-PERP.OKX", 0.1, False, False),
        ("BTCUSDT-PERP.OKX", 0.01, False, False),
    ]


def test_value_and_multiplier_of_a_contract_both_count() -> None:
    (spec,) = parse_instruments(body({**ROW, "ctMult": "10"}))
    assert (spec.contract_value, spec.instrument) == (0.1, "BTCUSDT-261225.OKX")


def test_an_x_perp_is_tolerated() -> None:
    row = {**ROW, "instId": "BTC-USD_UM_XPERP-310404", "instFamily": "BTC-USD_UM_XPERP", "ctVal": "0.0001"}
    (spec,) = parse_instruments(body(row))
    assert (spec.instrument, spec.symbol, spec.contract_value) == ("BTCUSD-310404.OKX", "BTCUSDT", 0.0001)


def test_a_name_without_a_day_takes_it_from_the_settlement() -> None:
    (spec,) = parse_instruments(body({**ROW, "instId": "BTC-USDT-NEXT"}))
    assert spec.expiry == "261225"
    (perpetual_like,) = parse_instruments(body({**ROW, "instId": "BTC-USDT-NEXT", "expTime": ""}))
    assert not perpetual_like.expiry


@pytest.mark.parametrize(
    "changes",
    [
        *({"ctVal": ""}, {"ctVal": "0"}, {"ctMult": "NaN"}, {"ctType": ""}, {"ctValCcy": "USDT"}),
        {"ctType": "inverse", "ctValCcy": "BTC"},
    ],
)
def test_a_contract_whose_value_is_unclear_is_left_out(changes: dict[str, Any]) -> None:
    assert [spec.instrument for spec in parse_instruments(body({**ROW, **changes}, ROW))] == ["BTCUSDT-261225.OKX"]


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"code":"50011","data":[],"msg":"Too Many Requests"}'])
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(FrameError):
        parse_instruments(answer)


def test_addresses_have_no_port() -> None:
    """Trap 3: port 8443 ended on 2026-10-31."""
    connector = OkxConnector()
    (route,) = connector.routes(Instruments("okx"), ("ETHUSDT",), connector.endpoints)
    assert route.url == "wss://ws.okx.com/ws/v5/public"
    assert [request.url for request in connector.spec_requests(connector.endpoints)] == [
        "https://www.okx.com/api/v5/public/instruments?instType=SWAP",
        "https://www.okx.com/api/v5/public/instruments?instType=FUTURES",
    ]
    assert connector.next_page(RestRequest(name="SWAP", url="x"), b"{}") is None


def test_the_mark_price_is_subscribed_first() -> None:
    """Its time is what an old first liquidation is judged by."""
    connector = OkxConnector()
    (route,) = connector.routes(Instruments("okx"), (), connector.endpoints)
    (frame,) = route.subscribe
    assert msgspec.json.decode(frame) == {
        "id": "1",
        "op": "subscribe",
        "args": [
            {"channel": "mark-price", "instId": "BTC-USDT-SWAP"},
            {"channel": "liquidation-orders", "instType": "SWAP"},
            {"channel": "liquidation-orders", "instType": "FUTURES"},
        ],
    }
    assert route.heartbeat.frame == "ping"


class TestContextRoutes:
    def routes(self, *specs: InstrumentSpec, symbols: tuple[str, ...] = ()) -> list[Route]:
        connector = OkxConnector()
        return list(connector.routes(Instruments("okx", specs), symbols, connector.endpoints)[1:])

    def listed(self, name: str) -> InstrumentSpec:
        return msgspec.structs.replace(by_name(name), packaged=False)

    def test_each_contract_has_its_channels_and_the_few_their_books(self) -> None:
        names = ("BTC-USDT-SWAP", "ADA-USDT-SWAP", "BTC-USDT-261225")
        (route,) = self.routes(*(self.listed(name) for name in names))
        assert route.purpose is Purpose.CONTEXT
        assert route.channels == (
            *("mark-price:BTC-USDT-SWAP", "open-interest:BTC-USDT-SWAP", "tickers:BTC-USDT-SWAP"),
            *("funding-rate:BTC-USDT-SWAP", "index-tickers:BTC-USDT", "books:BTC-USDT-SWAP"),
            *("mark-price:ADA-USDT-SWAP", "open-interest:ADA-USDT-SWAP", "tickers:ADA-USDT-SWAP"),
            *("funding-rate:ADA-USDT-SWAP", "index-tickers:ADA-USDT"),
            *("mark-price:BTC-USDT-261225", "open-interest:BTC-USDT-261225", "tickers:BTC-USDT-261225"),
        )

    def test_an_x_perp_has_funding(self) -> None:
        row = {**ROW, "instId": "BTC-USD_UM_XPERP-310404", "instFamily": "BTC-USD_UM_XPERP"}
        (route,) = self.routes(*parse_instruments(body(row)))
        assert "funding-rate:BTC-USD_UM_XPERP-310404" in route.channels
        assert not any(channel.startswith("index-tickers") for channel in route.channels)

    def test_before_the_venues_list_came_only_the_few_are_read(self) -> None:
        """An old name in the packaged table would be refused."""
        (route,) = self.routes(*packaged_specs().specs)
        contracts = {channel.partition(":")[2] for channel in route.channels}
        assert {each.partition("-")[0] for each in contracts} == {"BTC", "ETH", "SOL", "XRP", "DOGE"}

    def test_sockets_stay_below_64_kb_and_480_requests_an_hour(self) -> None:
        specs = [
            msgspec.structs.replace(self.listed("ADA-USDT-SWAP"), raw_symbol=f"C{at}-USDT-SWAP") for at in range(400)
        ]
        routes = self.routes(*specs)
        assert [route.name for route in routes] == ["context-0", "context-1"]
        for route in routes:
            assert sum(map(len, route.subscribe)) < 64 * 1024
            assert len(route.subscribe) <= 48, "ten reconnects an hour are within the limit"
            assert route.channels[0] == route.canary.channel == "mark-price:BTC-USDT-SWAP"
        args = [arg for route in routes for frame in route.subscribe for arg in msgspec.json.decode(frame)["args"]]
        assert len(args) == 400 * 5 + 2


def test_the_venue_keeps_no_history() -> None:
    """Trap 11: a gap stays a gap, and is recorded as one."""
    connector, instruments = OkxConnector(), Instruments("okx")
    for route in connector.routes(instruments, (), connector.endpoints):
        assert not connector.backfill_requests(route, instruments, Span(1, 2), connector.endpoints)
