from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_gate.connector import GateConnector
from foreshock_gate.specs import parse_contracts, settle_of
from foreshock_sdk import FrameError, Instruments, OptionError, Purpose, RestRequest, Span

ROW: dict[str, Any] = {"name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001", "in_delisting": False}


def body(*rows: Any) -> bytes:
    return msgspec.json.encode(list(rows))


@pytest.mark.parametrize(
    ("row", "instrument", "symbol", "value", "inverse", "settle"),
    [
        (ROW, "BTCUSDT-PERP.GATE", "BTCUSDT", 0.0001, False, "usdt"),
        ({**ROW, "name": "PEPE_USDT", "quanto_multiplier": 1e7}, "PEPEUSDT-PERP.GATE", "PEPEUSDT", 1e7, False, "usdt"),
        (
            *({"name": "BTC_USD", "type": "inverse", "quanto_multiplier": "0"}, "BTCUSD-PERP.GATE", "BTCUSDT"),
            *(1.0, True, "btc"),
        ),
        ({**ROW, "name": "BTC_USD1"}, "BTCUSD1-PERP.GATE", "BTCUSDT", 0.0001, False, "usd1"),
        ({**ROW, "name": "1000RATS_USDT"}, "1000RATSUSDT-PERP.GATE", "RATSUSDT", 0.0001, False, "usdt"),
    ],
)
def test_a_listed_contract(
    row: dict[str, Any], instrument: str, symbol: str, value: float, inverse: bool, settle: str
) -> None:
    (spec,) = parse_contracts(body(row))
    assert (spec.instrument, spec.symbol, spec.contract_value) == (instrument, symbol, value)
    assert (spec.inverse, settle_of(spec), spec.packaged) == (inverse, settle, False)


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "quanto_multiplier": "0"},
        {**ROW, "name": "ETH_USD", "quanto_multiplier": "0.000001"},
        {**ROW, "type": "inverse"},
        {**ROW, "name": "BTCUSDT"},
        {"name": "BTC_USDT"},
        None,
    ],
)
def test_a_contract_whose_worth_is_unclear_is_left_out(row: Any) -> None:
    """A quanto contract is one: worth a second price, or unnamed, or worth nothing."""
    assert [spec.raw_symbol for spec in parse_contracts(body(row, ROW))] == ["BTC_USDT"]


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"label":"INVALID_PARAM_VALUE","message":"x"}'])
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(FrameError, match="contracts"):
        parse_contracts(answer)


class TestConnector:
    def test_a_full_page_has_a_next(self) -> None:
        connector = GateConnector()
        first = connector.spec_requests(connector.endpoints)[0]
        following = connector.next_page(first, body(*[ROW] * 1000))
        assert following is not None
        assert (following.name, following.url.rpartition("?")[2]) == ("usdt+", "limit=1000&offset=1000")
        assert connector.next_page(first, body(ROW)) is None

    def test_a_full_page_of_history_goes_on_before_its_oldest(self) -> None:
        connector = GateConnector()
        asked = RestRequest(name="history-usdt-100", url="https://x/liq_orders?limit=1000&from=100&to=200")
        rows = [{"time": 150 + number % 50} for number in range(1000)]
        following = connector.next_page(asked, body(*rows))
        assert following is not None
        assert following.url == "https://x/liq_orders?limit=1000&from=100&to=150"
        assert connector.next_page(asked, body(*[{"time": 200}] * 1000)) is None, "no way on within one second"
        assert connector.next_page(asked, body(*[None] * 1000)) is None

    def test_history_is_asked_for_in_windows_of_an_hour(self) -> None:
        connector = GateConnector()
        routes = connector.routes(Instruments("gate", connector.packaged_specs().specs), (), connector.endpoints)
        requests = connector.backfill_requests(
            routes[0], Instruments("gate"), Span(1_500, 7_300_000), connector.endpoints
        )
        windows = [request.url.partition("&from=")[2] for request in requests]
        assert windows == ["1&to=3600", "3601&to=7200", "7201&to=7301"]
        context = next(route for route in routes if route.purpose is Purpose.CONTEXT)
        assert not connector.backfill_requests(context, Instruments("gate"), Span(0, 10), connector.endpoints)

    def test_options_say_the_sign_and_the_settlement_coins(self) -> None:
        connector = GateConnector().configured({"ws_size_sign": "order", "settles": ["usd1"]})
        (route,) = connector.routes(Instruments("gate"), (), connector.endpoints)
        assert (route.name, route.url) == ("usd1-0", "wss://fx-ws.gateio.ws/v4/ws/usd1")
        with pytest.raises(OptionError, match="ws_size_sign"):
            connector.configured({"ws_size_sign": "whose"})

    def test_prices_and_books_are_of_the_majors_unless_markets_are_named(self) -> None:
        connector = GateConnector()
        instruments = Instruments("gate", connector.packaged_specs().specs)
        names = {
            route.name: [each for each in route.channels if each.startswith("futures.obu")]
            for route in connector.routes(instruments, ("BTCUSDT",), connector.endpoints)
            if route.purpose is Purpose.CONTEXT
        }
        assert names == {
            "usdt-context-0": ["futures.obu:ob.BTC_USDT.400"],
            "btc-context-0": ["futures.obu:ob.BTC_USD.400"],
        }
        (majors, _) = connector.routes(instruments, (), connector.endpoints)[2:]
        assert len(majors.channels) == 10
